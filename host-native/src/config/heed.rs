use wharfinger_core::settings::Unheeded;

use super::Storage;
use super::choice::Driver;

/// Why a setting has no effect beside those of the storage, and what to do about it; `None` if it has one.
pub fn unheeded(path: &str, storage: &Storage) -> Option<&'static str> {
    let key = path.strip_prefix("registry.storage.")?;
    let in_swift = match storage.driver {
        Driver::Filesystem => false,
        Driver::Swift => true,
    };
    Unheeded::of(key, in_swift, storage.redirect).map(|why| match why {
        Unheeded::ForSwift => "this key is for `driver: swift`; remove it, or choose that driver",
        Unheeded::ForFiles => "this key is for `driver: filesystem`; remove it, or choose that driver",
        Unheeded::ForRedirects => {
            "this key has an effect with `redirect: true` alone; remove it, or turn that on"
        }
    })
}
