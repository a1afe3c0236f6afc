//! Texts for a POSIX shell.

/// `text` as one word that means itself and nothing else.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The same, without quotes where it needs none.
pub fn word(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+[]".contains(c);
    // `[` and `]` are harmless without what they would match: a word that is no name of a file stays as it is.
    let plain = !text.is_empty() && text.chars().all(harmless) && !text.contains('[');
    if plain { text.to_owned() } else { quoted(text) }
}

/// `text` within a comment or a message: one line.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn words_are_quoted_where_they_have_to_be() {
        for (text, expected) in [
            ("--addr", "--addr"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("./data::/data", "./data::/data"),
            ("", "''"),
            ("[::1]:5000", "'[::1]:5000'"),
            ("a b", "'a b'"),
            ("~/data", "'~/data'"),
            ("it's", r"'it'\''s'"),
            ("$HOME`x`\"\\", "'$HOME`x`\"\\'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        let texts =
            ["", "a b", "it's 'quoted'", "$HOME `id` $(id) \\ \" # !x", "two\nlines\n", "~", "*", "-n", "ä€"];
        for text in texts {
            for written in [quoted(text), word(text)] {
                let script = format!("printf %s {written}");
                let output = Command::new("sh").args(["-c", &script]).output().expect("sh runs");
                assert_eq!(String::from_utf8(output.stdout).expect("text"), text, "{script}");
            }
        }
    }
}
