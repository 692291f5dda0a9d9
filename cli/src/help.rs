//! The command tree in a person's language, and what is wrong with a command line in the same language.
//!
//! Texts stand in `node/i18n/*/cli.ftl` under `help-COMMAND` and `help-COMMAND-FLAG` (`help-dossier-lodge`,
//! `help-dossier-lodge-from`; of what every command takes: `help-dir`). They say units and defaults themselves.
//! Examples below a command's help stand under `help-COMMAND-more`.

use clap::Arg;
use clap::ArgAction;
use clap::CommandFactory;
use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;
use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_node::refusal::Refusal;

use crate::args::Cli;
use crate::commands::dossier::acts::acts_table;

/// The key of the program's own text.
const ROOT_KEY: &str = "help-motcua";

/// Help comes after the other arguments that every command takes.
const HELP_ORDER: usize = 900;

/// The whole command tree, speaking `language`.
pub(crate) fn command(language: Language) -> clap::Command {
    let version = Arg::new("version")
        .short('V')
        .long("version")
        .action(ArgAction::Version)
        .help(i18n::text(language, "help-version", &[]))
        .display_order(HELP_ORDER + 1)
        .help_heading(i18n::text(language, "help-heading-everywhere", &[]));
    let root = Cli::command().disable_help_subcommand(true).disable_version_flag(true);
    speaking(root, language, "help").arg(version)
}

/// What clap shows, with the one word of its own that it does not let us say.
pub(crate) fn rendered(error: &clap::Error, language: Language) -> String {
    error.render().to_string().replace("[OPTIONS]", &i18n::text(language, "help-value-options", &[]))
}

/// `command` and all below it with their texts in `language`; `prefix` is the key of `command`'s own text.
fn speaking(command: clap::Command, language: Language, prefix: &str) -> clap::Command {
    let is_root = prefix == "help";
    let says = |key: &str| i18n::text(language, key, &[]);
    let usage = says("help-heading-usage");
    let mut command = command
        .about(says(if is_root { ROOT_KEY } else { prefix }))
        .help_template(format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}{{after-help}}"))
        .subcommand_help_heading(says("help-heading-commands"))
        .subcommand_value_name(says("help-value-command"))
        .mut_args(|arg| {
            let key = format!("{prefix}-{}", arg.get_id().as_str().replace('_', "-"));
            let heading = if arg.is_global_set() {
                "help-heading-everywhere"
            } else if arg.is_positional() {
                "help-heading-arguments"
            } else {
                "help-heading-options"
            };
            let takes_value = arg.get_action().takes_values();
            // Units, defaults, choices and variables stand in the text itself, in the person's language.
            let names: Vec<String> = arg
                .get_value_names()
                .unwrap_or_default()
                .iter()
                .map(|name| value_name(language, name))
                .collect();
            let arg = arg.help(says(&key)).help_heading(says(heading)).hide_env(true);
            let arg = if takes_value { arg.value_names(names) } else { arg };
            if takes_value { arg.hide_default_value(true).hide_possible_values(true) } else { arg }
        });
    if !command.is_disable_help_flag_set() {
        command = command.disable_help_flag(true).arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help(says("help-help"))
                .display_order(HELP_ORDER)
                .help_heading(says("help-heading-everywhere")),
        );
    }
    let more_key = format!("{}-more", if is_root { ROOT_KEY } else { prefix });
    let mut more = Vec::new();
    if i18n::has(language, &more_key) {
        more.push(says(&more_key));
    }
    if prefix == "help-dossier-act" {
        more.push(acts_table(language));
    }
    if !more.is_empty() {
        command = command.after_help(more.join("\n\n"));
    }
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let below = format!("{prefix}-{name}");
        command.mut_subcommand(name, |command| speaking(command, language, &below))
    })
}

/// What stands for an argument's value: `<FILE>` is `<TỆP>` in Vietnamese. Forms and choices stay as they are.
fn value_name(language: Language, name: &str) -> String {
    let said = |word: &str| {
        let key = format!("help-value-{}", word.to_ascii_lowercase());
        let is_ours = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_ours && i18n::has(language, &key) { i18n::text(language, &key, &[]) } else { word.to_owned() }
    };
    let choices = name.split('|').map(|choice| choice.split(':').map(said).collect::<Vec<_>>().join(":"));
    choices.collect::<Vec<_>>().join("|")
}

/// The language that a command line asks for, before it is known to be right.
pub(crate) fn language_asked(arguments: &[String], variable: Option<&str>) -> Language {
    let mut asked = variable;
    for (index, argument) in arguments.iter().enumerate() {
        if argument == "--lang" {
            asked = arguments.get(index + 1).map(String::as_str);
        } else if let Some(code) = argument.strip_prefix("--lang=") {
            asked = Some(code);
        }
    }
    asked.and_then(Language::by_code).unwrap_or_default()
}

/// What is wrong with a command line. Values are not repeated: they may be somebody's name.
pub(crate) fn refusal(error: &clap::Error) -> Refusal {
    let said = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = said(ContextKind::InvalidArg);
    // `--limit <N>` is the field `--limit`; several that are missing stay as they are listed.
    let field = argument.split_once(" <").map_or(argument.as_str(), |(flag, _)| flag);
    let of_argument = |code: &'static str| {
        Refusal { field: Some(field.to_owned()).filter(|name| !name.is_empty()), ..Refusal::new(code) }
            .with("argument", &argument)
    };
    match error.kind() {
        ErrorKind::UnknownArgument => of_argument("usage-unknown-argument"),
        ErrorKind::InvalidSubcommand => {
            Refusal::new("usage-unknown-command").with("command", said(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Refusal::new("usage-no-command")
        }
        ErrorKind::MissingRequiredArgument => of_argument("usage-missing"),
        ErrorKind::ArgumentConflict => {
            of_argument("usage-conflict").with("other", said(ContextKind::PriorArg))
        }
        ErrorKind::InvalidValue
        | ErrorKind::ValueValidation
        | ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::NoEquals
        | ErrorKind::InvalidUtf8 => of_argument("usage-value"),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::Io | ErrorKind::Format | _ => {
            Refusal::new("usage")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command with the key of its text.
    fn walk<'a>(command: &'a clap::Command, key: &str, found: &mut Vec<(String, &'a clap::Command)>) {
        found.push((key.to_owned(), command));
        for below in command.get_subcommands() {
            walk(below, &format!("{key}-{}", below.get_name()), found);
        }
    }

    #[test]
    fn every_command_and_flag_has_its_text_with_default_and_variable_in_both_languages() {
        let mut wrong = Vec::new();
        for language in Language::ALL {
            let command = command(language);
            let mut found = Vec::new();
            walk(&command, "help", &mut found);
            for (key, command) in found {
                let about = command.get_about().map(ToString::to_string).unwrap_or_default();
                if about.is_empty() || about.starts_with("help-") {
                    wrong.push(format!("{key} has no text in {}", language.code()));
                }
                for arg in command.get_arguments() {
                    let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
                    let name = format!("{key}-{} in {}", arg.get_id(), language.code());
                    if text.is_empty() || text.starts_with("help-") {
                        wrong.push(format!("{name} has no text"));
                    }
                    if !arg.get_action().takes_values() {
                        continue;
                    }
                    let defaults = arg.get_default_values().iter().filter_map(|value| value.to_str());
                    let choices = arg.get_possible_values();
                    let choices = choices.iter().map(clap::builder::PossibleValue::get_name);
                    let variable = arg.get_env().and_then(|name| name.to_str());
                    for word in defaults.chain(choices).chain(variable) {
                        if !text.contains(word) {
                            wrong.push(format!("{name} does not say {word}"));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn serve_says_where_it_listens_by_itself() {
        for language in Language::ALL {
            let text = i18n::text(language, "help-serve-listen", &[]);
            assert!(text.contains(&crate::args::LISTEN_DEFAULT.to_string()), "{text}");
        }
    }

    #[test]
    fn the_tree_is_sound() {
        for language in Language::ALL {
            command(language).debug_assert();
        }
    }

    #[test]
    fn help_of_act_shows_every_act() {
        let mut command = command(Language::Vi);
        let act = command.find_subcommand_mut("dossier").unwrap().find_subcommand_mut("act").unwrap();
        let help = act.render_long_help().to_string();
        for kind in motcua_node::dossier::act::Kind::ALL {
            assert!(help.contains(kind.name()), "{}", kind.name());
        }
        assert!(!help.contains("Usage:") && !help.contains("Options:"), "{help}");
    }

    #[test]
    fn the_language_is_known_before_the_line_is_right() {
        let arguments = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, variable, expected) in [
            ("motcua", None, Language::Vi),
            ("motcua", Some("en"), Language::En),
            ("motcua --lang vi nonsense", Some("en"), Language::Vi),
            ("motcua nonsense --lang=en", None, Language::En),
            ("motcua --lang", Some("en"), Language::Vi),
            ("motcua --lang fr", None, Language::Vi),
        ] {
            assert_eq!(language_asked(&arguments(line), variable), expected, "{line}");
        }
    }

    #[test]
    fn each_fault_of_a_line_has_its_code_and_names_the_argument() {
        for (line, code, field) in [
            ("motcua", "usage-no-command", None),
            ("motcua dossier", "usage-no-command", None),
            ("motcua dosier list", "usage-unknown-command", None),
            ("motcua verify --fast", "usage-unknown-argument", Some("--fast")),
            ("motcua dossier lodge", "usage-missing", Some("--from")),
            ("motcua dossier list --limit many", "usage-value", Some("--limit")),
            ("motcua demo --sabotage all", "usage-value", Some("--sabotage")),
            ("motcua demo --hold --headless", "usage-conflict", Some("--hold")),
        ] {
            let error = command(Language::Vi).try_get_matches_from(line.split(' ')).unwrap_err();
            let refusal = refusal(&error);
            assert_eq!((refusal.code.as_ref(), refusal.field.as_deref()), (code, field), "{line}");
            for language in Language::ALL {
                assert_ne!(i18n::say(language, &refusal).message, code, "{line}");
            }
        }
    }

    #[test]
    fn values_are_named_in_the_persons_language_and_choices_stay() {
        for (name, vi) in
            [("FILE", "TỆP"), ("FILE|-", "TỆP|-"), ("HOST:PORT", "MÁY:CỔNG"), ("vi|en", "vi|en"), ("N", "N")]
        {
            assert_eq!(value_name(Language::Vi, name), vi);
            assert_eq!(value_name(Language::En, name), name);
        }
    }

    #[test]
    fn help_has_no_word_of_another_language() {
        for line in ["motcua --help", "motcua province init --help", "motcua dossier list --help"] {
            let error = command(Language::Vi).try_get_matches_from(line.split(' ')).unwrap_err();
            let help = rendered(&error, Language::Vi);
            for word in ["OPTIONS", "Usage", "COMMAND", "FILE", "DIR>", "TEXT", "[default", "[possible"] {
                assert!(!help.contains(word), "{word} in\n{help}");
            }
        }
    }
}
