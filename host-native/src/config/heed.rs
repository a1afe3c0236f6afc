use super::Storage;
use super::choice::Driver;

/// Why a setting has no effect beside those of the storage, and what to do about it; `None` if it has one.
pub fn unheeded(path: &str, storage: &Storage) -> Option<&'static str> {
    let key = path.strip_prefix("registry.storage.")?;
    match storage.driver {
        Driver::Filesystem if SWIFT_KEYS.contains(&key) || REDIRECT_KEYS.contains(&key) => {
            Some("this key is for `driver: swift`; remove it, or choose that driver")
        }
        Driver::Swift if FILESYSTEM_KEYS.contains(&key) => {
            Some("this key is for `driver: filesystem`; remove it, or choose that driver")
        }
        Driver::Swift if REDIRECT_KEYS.contains(&key) && !storage.redirect => {
            Some("this key has an effect with `redirect: true` alone; remove it, or turn that on")
        }
        Driver::Filesystem | Driver::Swift => None,
    }
}

const FILESYSTEM_KEYS: [&str; 2] = ["root", "sync"];

const SWIFT_KEYS: [&str; 3] = ["cloud", "container", "segments-container"];

const REDIRECT_KEYS: [&str; 3] = ["redirect-url", "redirect-seconds", "redirect-key-seconds"];
