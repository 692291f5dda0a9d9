### The command line.

not-in-this-version = “{ $what }” is not in this version.
    .rule = A version takes only what it can do in full.
    .next = CHANGELOG.md says what this version does.
said-rule = Rule: { $rule }
said-next = What to do: { $next }
said-field = Field: { $field }
said-option = Option: { $field }
said-code = Code: { $code }
said-line = Line { $line }

acts-title = Acts:
acts-act = act
acts-name = name
acts-status = status
acts-who = who may
acts-keys = what it carries [optional]
acts-common-keys = Keys of every act: { $keys }; number, act and officer are required.
acts-later-note = T: row of the table of transitions. Statuses are the national ones, 1-10; 0 is not received, * is any. A * after an act: not in this version.
acts-who-receiver = receiving seat
acts-who-holder = holder
acts-who-transfer-target = seat it is transferred to
acts-who-transfer-sender = seat that transferred it
acts-who-external-sender = seat that handed it over
acts-who-return-place = return place
acts-who-competent = competent seat
acts-who-party = any party
acts-who-province = province
acts-who-holder-or-province = holder or province

usage = The command line is not right.
    .next = Add --help to see how it is used.
usage-unknown-argument = This command has no option { $argument }.
    .next = Add --help to see the options.
usage-unknown-command = There is no command “{ $command }”.
    .next = Add --help to see the commands.
usage-no-command = It is not said what to do.
    .next = Add --help to see the commands.
usage-missing = { $argument } is missing.
    .next = Add --help to see how it is used.
usage-conflict = { $argument } cannot be used together with { $other }.
    .next = Leave one of them out.
usage-value = The value of { $argument } has a wrong form or is out of bounds.
    .next = Add --help to see form, unit and bounds.

dir-missing = The office's data directory is not given.
    .next = Add --dir DIR or set the environment variable MOTCUA_DIR.
output-not-written = Standard output cannot be written: { $cause }.
    .next = Check the disk or whatever takes the output and run again; what was committed stays.
internal-bug = A fault of the program itself ({ $place }, version { $version }).
    .next = Run it again: at start the program checks and repairs. If it stays, report the line above to the maintainers.

## Help

help-heading-usage = Usage:
help-heading-commands = Commands
help-heading-arguments = Arguments
help-heading-options = Options
help-heading-everywhere = With every command
help-value-command = COMMAND
help-value-options = { "[" }OPTIONS]
help-value-dir = DIR
help-value-file = FILE
help-value-code = CODE
help-value-text = TEXT
help-value-number = NUMBER
help-value-paper = PAPER
help-value-token = TOKEN
help-value-request = REQUEST
help-value-id = ID
help-value-node = NODE
help-value-officer = OFFICER
help-value-time = TIME
help-value-name = NAME
help-value-host = HOST
help-value-addr = ADDR
help-value-port = PORT

help-motcua = The one-stop counter that keeps working while the line to the province is down.
help-motcua-more = To begin:
      at the province:  motcua --dir province province init --code H27 --name "A province" --sample
                        motcua --dir province serve
                        motcua --dir province enrol new --agency H27.101 --address HOST:4272
      at a commune:     motcua --dir commune commune init --token TOKEN
                        motcua --dir commune serve
                        motcua --dir commune dossier lodge --from dossiers.jsonl
    Exit codes: 0 done; 1 findings (verify, doctor); 2 refused, with reasons; 3 other side not reached, nothing lost; 4 this machine cannot; 70 a fault of the program.
help-help = Show this help.
help-version = Show the version.
help-dir = The office's data directory. Environment variable: MOTCUA_DIR.
help-witness = The witness file, kept outside the data directory. Default: ~/.local/state/motcua/witness-NODE. Environment variable: MOTCUA_WITNESS.
help-lang = The language of texts for people: vi (default) or en. Environment variable: MOTCUA_LANG.
help-json = Print results as JSON on standard output; texts for people go to standard error.

help-demo = Run a whole province on this machine: a server, communes, a department; cut a line and restore it.
help-demo-headless = End by itself; exit 0 only if every check holds.
help-demo-hold = Keep the line cut and everything running until Enter is pressed.
help-demo-communes = Number of communes, 1-69. Default: 3.
help-demo-dossiers = Number of dossiers. Default: 60.
help-demo-outage-s = How long the line stays cut, in seconds. Default: 20.
help-demo-sabotage = Corrupt one replica, one number or one proof, so that the demo must fail: replica, number or proof.
help-demo-seed = Seed of the stream of made-up dossiers; the same seed gives the same stream. Default: 20260302.

help-province = Create a provincial server.
help-province-init = Create a provincial server's directory.
help-province-init-code = The province's agency code, such as H27.
help-province-init-name = The province's name.
help-province-init-directory = The directory file to begin with.
help-province-init-sample = Use the built-in sample; every page and print carries "DỮ LIỆU THỬ" for ever.

help-directory = The directory: agencies, procedures, calendars, officers.
help-directory-check = Check a directory file; every fault with its line and field.
help-directory-check-file = The directory file.
help-directory-import = Import a directory file as draft.
help-directory-import-file = The directory file.
help-directory-publish = Publish the draft as a new signed version with an effective date.
help-directory-publish-effective-at = When it takes effect, RFC 3339, such as 2026-03-02T00:00:00+07:00. Default: now.
help-directory-show = Show a directory file, or the version in force here, as a file that can be edited and imported again.
help-directory-show-file = The directory file. Default: the version in force.

help-enrol = Enrolment: the machines of the communes.
help-enrol-new = Make a one-time enrolment token for one machine of a seat.
help-enrol-new-agency = The seat's agency code, such as H27.101.
help-enrol-new-address = Host and port where the machine reaches the provincial server.
help-enrol-new-valid-h = How long the code is good for, in hours. Default: 24; with --pack 720, because the request travels by stick.
help-enrol-new-pack = Write a sealed file for a machine that may have no line.
help-enrol-grant = Answer a request that came by stick.
help-enrol-grant-request = The request file.
help-enrol-grant-out = The answer file to write.
help-enrol-list = The machines with last contact and certificate.
help-enrol-ban = Shut a lost or broken machine out for good; its seat can then enrol another one.
help-enrol-ban-node = The machine's id: 32 hex digits.
help-enrol-ban-why = Why. All machines of the province keep it: no personal data.
help-enrol-ban-suspect-from = Since when it is suspect, RFC 3339; what arrived of it from then on is listed and marked for review. Default: nothing is.

help-commune = Create a commune's machine.
help-commune-init = Create a commune node's directory.
help-commune-init-token = The one-time enrolment token from the province ("mc1-…").
help-commune-init-pack = The sealed file from the province, where there is no line.
help-commune-init-request = The request file to write and carry to the province.
help-commune-init-grant = The province's answer file.

help-serve = Run the provincial server or the commune's machine, whichever the data directory is. Ctrl+C or SIGTERM stops it within 5 seconds.
help-serve-listen = Address and QUIC port where a provincial server listens; port 0 lets the system choose. Default: 0.0.0.0:4272.
help-serve-http = Address and port of the counters' pages. Default: none.
help-serve-no-sync = Never dial the province.

help-dossier = Dossiers: receive, act, show, search, export.
help-dossier-lodge = Take dossiers in, one JSON line each; printed only after the durable commit.
help-dossier-lodge-more = A line looks like this:
      { "{" }"request_id":"q1-0001","procedure":"1.001193","officer":"H27.102/02","owner":{ "{" }"name":"Nguyễn Văn Thử","id_type":"cccd","id_no":"042090900001","dob":"1990-02-28"{ "}" },"fields":{ "{" }{ "}" },"papers":[{ "{" }"name":"Tờ khai","kind":"original","copies":1{ "}" }]{ "}" }
    Required: procedure, officer, owner.name and what the procedure asks for. Number, due date and fee are computed. The same request_id again gives the same dossier.
    A wrong line is answered by itself; the others are written.
help-dossier-lodge-from = The file of JSON lines, or - for standard input.
help-dossier-lodge-historic = Entered afterwards: times are what the lines say, and marked so.
help-dossier-act = Do acts on dossiers, one JSON line each.
help-dossier-act-more = A line looks like this:
      { "{" }"number":"H27.102-260302-0690001","act":"transfer","to":"H27.101","officer":"H27.102/02","note":"…"{ "}" }
help-dossier-act-from = The file of JSON lines, or - for standard input.
help-dossier-act-historic = Entered afterwards: times are what the lines say, and marked so.
help-dossier-show = Show one dossier whole.
help-dossier-show-number = The dossier's number, such as H27.101-260302-0690001.
help-dossier-list = List and search dossiers, without diacritics.
help-dossier-list-status = Only this national status, 1-10. Default: all.
help-dossier-list-holder = Only what this seat holds, such as H27.101. Default: all.
help-dossier-list-overdue = Only what is overdue.
help-dossier-list-needs-person = Only what waits for a person's decision.
help-dossier-list-query = Words to find, with or without diacritics.
help-dossier-list-limit = At most so many dossiers. Default: no limit.
help-dossier-acts = The act table: who may do what, when, and what it carries.
help-dossier-acts-help = Show the act table; with --json as JSON.
help-dossier-export = Export every dossier this node holds in canonical form; equal replicas print equal bytes.

help-sync = The exchange with the province: send, receive, what waits.
help-sync-now = Send and receive once, now. Exit 3: not done, nothing is lost.
help-sync-now-wait-s = How long to wait for the session's end, in seconds. Default: 60.
help-sync-now-scrub = Compare everything, not only what is new.
help-sync-status = What waits, since when, and the province's last proof.

help-quarantine = At the province: what was kept and not applied; a person decides.
help-quarantine-list = What is kept and not applied.
help-quarantine-release = Apply it after all.
help-quarantine-release-ids = The items' ids.
help-quarantine-release-machine = Everything of this machine: 32 hex digits.
help-quarantine-void = Apply it and mark it void.
help-quarantine-void-ids = The items' ids.
help-quarantine-refuse = Keep it out for good.
help-quarantine-refuse-id = The item's id.
help-quarantine-refuse-why = Why.

help-condition = The conditions that "motcua sync status" tells.
help-condition-dismiss = Take a condition away once it is understood and settled; it is told again when its cause shows again.
help-condition-dismiss-code = The condition's code, as "motcua sync status --json" gives it.
help-condition-dismiss-subject = What the condition concerns. Default: all of that code.

help-scan = Scans of papers.
help-scan-add = Add a scan to a paper.
help-scan-add-number = The dossier's number.
help-scan-add-paper = The paper's key in the dossier.
help-scan-add-file = The scan file.
help-scan-list = Scans, their states and progress.

help-bundle = The USB stick, both ways.
help-bundle-export = Write what the other side lacks.
help-bundle-export-out = The file to write (or its first part).
help-bundle-export-part-mb = The largest part, in MB; never more than 192. Default: 64.
help-bundle-export-node = At the province: the id of the machine it is for.
help-bundle-export-agency = At the province: the seat whose machine it is for.
help-bundle-inspect = Say what a bundle holds.
help-bundle-inspect-file = The bundle file.
help-bundle-import = Take a bundle in; taking it twice does no harm.
help-bundle-import-file = The bundle file.

help-backup = Backup and restore.
help-backup-create = Make a copy while the office works.
help-backup-create-out = The copy to write.
help-backup-restore = Restore into an empty directory.
help-backup-restore-file = The copy.
help-backup-restore-grant = The province's answer to a request, when this computer has no keys to the copy. Default: the same machine, none needed.
help-backup-restore-request = On a computer without keys: the request to write for the province. Nothing is restored yet.
help-backup-restore-keys = The directory whose "identity" folder opens the copy: the machine's old one, or the province's. Default: the folder in --dir.
help-backup-verify = Check a copy: without keys that it is whole, with keys also what is in it.
help-backup-verify-file = The copy.
help-backup-verify-keys = The directory whose "identity" folder opens the copy. Default: the one of --dir.

help-person = Officers of this office.
help-person-list = The officers.
help-person-add = Add an officer.
help-person-add-officer = The officer, such as H27.102/02.
help-person-reset = Give an officer a new secret.
help-person-reset-officer = The officer, such as H27.102/02.
help-person-disable = Disable an officer's account.
help-person-disable-officer = The officer, such as H27.102/02.

help-verify = Check that the data on this machine is whole. Exit 1: something differs.
help-rebuild = Rebuild the views from the log, when verify finds them wrong. serve must be stopped.
help-doctor = Find what a person here can fix. Exit 1: there is something to do.
help-doctor-line = Check the line to the province as well.
help-bench = Measurements.
help-bench-wire = Run the workload through two replicas: bytes, round trips, seconds, memory.
help-bench-wire-ops = The workload file (bench/gen.py).
help-bench-wire-day = One more day’s file: 50 new dossiers one way, acts of the province the other.
help-bench-wire-boots = How often the office’s program is started during the workload. Default: 1.
help-bench-link = Thin lines.
help-bench-store = Commits, lists, search, start and memory at 100,000 dossiers.

bench-s1 = S1 office without a line
bench-s2 = S2 nothing new
bench-s3 = S3 one day
bench-s4 = S4 replacement machine
bench-column-up = kB up
bench-column-down = kB down
bench-column-sum = kB
bench-column-thin = kB thin line
bench-column-trips = round trips
bench-column-seconds = s
bench-column-memory = MB for the session
bench-column-automerge = × less than Automerge
bench-column-zstd = × less than zstd -19
bench-progress = { $done } of { $all } operations
bench-dossiers = S1: { $first } dossiers, { $second } changes.
bench-packing = S1: { $first } ms to pack, { $second } ms to unpack.
bench-bundle = S1 as a bundle: { $first } kB, before sealing.
bench-first = S4: first open dossier after { $first } kB, { $second } % of all.
bench-directory = The directory took { $first } kB, not counted above.
bench-ops = The workload { $path } cannot be used: { $cause }.
    .next = Create the file with bench/gen.py.

## The demo

demo-child-failed = A process of the demo did not do its work: “{ $what }” (exit code { $code }). { $told }
    .next = See the .log files in the demo’s directory; tell the developers.
demo-child-silent = A process of the demo did not finish within { $seconds } s: “{ $what }”.
    .next = The machine may be too busy: run it again; if it stays so, see the .log files in the demo’s directory.
demo-no-place = This machine cannot run the demo: { $cause }.
    .next = Check the temporary directory (TMPDIR), free space and rights, then run it again.
demo-not-even = After { $seconds } s still not so: { $what }.
    .next = See the .log files in the demo’s directory; tell the developers.
demo-interrupted = The demo was stopped as asked.
    .next = All offices were stopped and the temporary directory removed. Run it again when you like.
demo-kept = The demo’s directory is kept for a look: { $place }
demo-told-start = Demo with { $dossiers } made-up dossiers, seed { $seed }.
demo-told-province = The server of { $name } runs at { $address }; { $department } works on it.
demo-told-commune = { $name } ({ $code }) used its one-time code, has its certificate and begins to work.
demo-told-no-pages = The counter’s pages come with a later version; here all work is done by commands.
demo-told-did = { $name }: { $did }
demo-told-cut = The line of { $name } is cut for { $seconds } s; its counter goes on.
demo-told-cut-held = The line of { $name } is cut; its counter goes on. Press Enter to restore it.
demo-told-restored = The line of { $name } is back. Without it the office lodged { $lodged } dossiers and did { $acts } acts.
demo-told-even = { $name } had handed everything to the province after { $seconds } s.
demo-told-running = Everything keeps running. Press Enter to end.
demo-did-receive = lodged { $count }
demo-did-transfer = transferred { $count }
demo-did-take-over = took over { $count }
demo-did-decline = declined { $count }
demo-did-request-supplement = asked for a supplement { $count }
demo-did-receive-supplement = received a supplement { $count }
demo-did-finish = finished { $count }
demo-did-return = returned { $count }
demo-waits-transfer = every transferred dossier is taken over
demo-waits-cut = the line is really cut
demo-waits-line = the office that was cut off has handed everything over
demo-waits-return = every result is returned where it was lodged
demo-waits-even = every machine is even with the province
demo-figures = { $dossiers } dossiers, { $acts } acts.
demo-figures-line = Over the lines: { $up } kB up, { $down } kB down (with TLS and QUIC). Time: { $seconds } s.
demo-figures-digest = { $name }: { $dossiers } dossiers, digest { $digest }…
demo-oracle-holds = HOLDS   { $name }: { $what } ({ $detail })
demo-oracle-broken = BROKEN  { $name }: { $what } ({ $detail })
demo-oracle-lodged = every lodged dossier is at the province
demo-oracle-returned = every dossier was decided by the competent office and returned where it was lodged
demo-oracle-replica = communes and province hold the same bytes
demo-oracle-entitled = each commune holds its dossiers, all and only those
demo-oracle-number = no number was given twice
demo-oracle-proof = each commune keeps the province’s last proof, nothing waits
demo-oracle-verify = verify finds nothing anywhere
demo-oracle-outage = the office without a line went on lodging and processing
demo-oracle-outage-detail = lodged { $lodged }, did { $acts } acts; the province knew { $known } of them meanwhile, { $lost } datagrams were lost
