use std::path::Path;

use super::Conversation;

impl Conversation {
    /// All conversations of `tests/conversations`, by name. Whoever holds them with one more kind of server holds these.
    ///
    /// # Errors
    /// When one cannot be read, or there is a file that is none: nothing is passed over.
    pub fn all() -> Result<Vec<Self>, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
        let told = |error| format!("{}: {error}", folder.display());
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(told)? {
            let path = entry.map_err(told)?.path();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("txt") => paths.push(path),
                _ if path.file_name().is_some_and(|name| name == "README.md") => {}
                _ => return Err(format!("{}: a conversation is named NAME.txt", path.display())),
            }
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path).map_err(|failure| failure.text)).collect()
    }
}
