//! Lines of input, read within a bound and without believing that they are text.

use std::io::BufRead;

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub enum InputLine {
    /// Its text, without what ends it.
    Text(String),
    /// Longer than the bound; it was passed over whole.
    TooLong,
    /// Not UTF-8; the next line may well be.
    NotText,
}

/// Reads the next line, at most `bytes_max` of it into memory; `None` at the end of the input. A byte order mark is
/// taken off wherever a line begins with it: editors write one, and files are put together.
///
/// # Errors
/// The input cannot be read.
pub fn next_line(
    input: &mut (impl BufRead + ?Sized),
    bytes_max: usize,
) -> std::io::Result<Option<InputLine>> {
    let mut line = Vec::new();
    let (mut is_any, mut is_over) = (false, false);
    loop {
        let found = match input.fill_buf() {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if found.is_empty() {
            break;
        }
        is_any = true;
        let end = found.iter().position(|byte| *byte == b'\n');
        let (part, _) = found.split_at(end.unwrap_or(found.len()));
        is_over |= line.len() + part.len() > bytes_max;
        if !is_over {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if !is_any {
        return Ok(None);
    }
    if is_over {
        return Ok(Some(InputLine::TooLong));
    }
    Ok(Some(match String::from_utf8(line) {
        Ok(text) => InputLine::Text(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(_) => InputLine::NotText,
    }))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_stops_no_other() {
        let mut bytes = "\u{feff}mộ\r\n".as_bytes().to_vec();
        bytes.extend_from_slice(b"\xff\xfe\n");
        bytes.extend_from_slice(&[b'x'; 100]);
        bytes.extend_from_slice(b"\n\n12345678\ncu\xe1\xbb\x91i");
        // Whatever the pieces in which it arrives.
        for capacity in [1, 3, 7, 1000] {
            let mut input = BufReader::with_capacity(capacity, bytes.as_slice());
            let mut lines = Vec::new();
            while let Some(line) = next_line(&mut input, 8).unwrap() {
                lines.push(line);
            }
            let text = |text: &str| InputLine::Text(text.to_owned());
            assert_eq!(
                lines,
                [
                    text("mộ\r"),
                    InputLine::NotText,
                    InputLine::TooLong,
                    text(""),
                    text("12345678"),
                    text("cuối")
                ],
                "{capacity}"
            );
        }
    }
}
