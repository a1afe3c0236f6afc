use super::fates::Fate::{Launcher, Unheeded, Variable};
use crate::config::Settings;
use crate::config::table::Kind;

/// What becomes of a setting of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The component has it as the variable that is named after it.
    Variable,
    /// The launcher makes flags or variables of its own of it, or does it itself.
    Launcher,
    /// Nobody has it; the reason, and what to do.
    Unheeded(&'static str),
}

/// What becomes of every setting, in the order of the table of settings.
pub static FATES: &[(&str, Fate)] = &[
    ("registry.address", Launcher),
    ("registry.port", Launcher),
    ("registry.public-url", Variable),
    ("registry.tls-cert", Unheeded("wasmtime serves plain HTTP; put a proxy that serves TLS before it")),
    ("registry.tls-key", Unheeded("wasmtime serves plain HTTP; put a proxy that serves TLS before it")),
    ("registry.tls-client-ca", Unheeded("wasmtime serves plain HTTP; let a proxy ask for certificates")),
    ("registry.tls-reload-seconds", Unheeded("wasmtime serves plain HTTP")),
    ("registry.secret", Variable),
    ("registry.old-secrets", Variable),
    ("registry.users", Variable),
    // Its users stand among the others.
    ("registry.htpasswd", Launcher),
    ("registry.rules", Variable),
    ("registry.issuers", Variable),
    ("registry.client-certificates", Variable),
    ("registry.open-to-all", Variable),
    ("registry.proxies", Variable),
    ("registry.token-seconds", Variable),
    ("registry.refresh-token-seconds", Variable),
    ("registry.threads", Unheeded("wasmtime takes a thread for each core")),
    ("registry.sparse-manifests", Variable),
    ("registry.storage.driver", Variable),
    // The component finds it at the default of its variable.
    ("registry.storage.root", Launcher),
    ("registry.storage.cloud", Launcher),
    ("registry.storage.container", Variable),
    ("registry.storage.segments-container", Variable),
    ("registry.storage.redirect", Variable),
    ("registry.storage.redirect-url", Variable),
    ("registry.storage.redirect-seconds", Variable),
    ("registry.storage.redirect-key-seconds", Variable),
    ("registry.storage.sync", Unheeded("every write is on the disk before it is acknowledged")),
    ("registry.storage.expiration", Unheeded("nothing is removed by its age yet, as with the native server")),
    ("registry.limits.head-bytes", Variable),
    ("registry.limits.head-seconds", Unheeded("wasmtime has no such limit; put a proxy before it")),
    ("registry.limits.idle-seconds", Unheeded("wasmtime has no such limit; put a proxy before it")),
    ("registry.limits.body-idle-seconds", Variable),
    ("registry.limits.stall-seconds", Variable),
    ("registry.limits.write-idle-seconds", Variable),
    ("registry.limits.connections", Unheeded("wasmtime has no such limit; put a proxy before it")),
    ("registry.limits.drain-seconds", Launcher),
    ("registry.limits.drain-bytes", Unheeded("a refused body is read for 3 s, however long it is")),
    ("registry.limits.manifest-bytes", Variable),
    ("registry.limits.manifest-references", Variable),
    ("registry.limits.collected-bytes", Variable),
    ("registry.limits.upload-age-seconds", Variable),
    ("registry.limits.grace-seconds", Variable),
    ("registry.limits.segment-bytes", Variable),
    ("registry.limits.chunk-min-bytes", Variable),
    ("registry.limits.store-seconds", Variable),
    ("registry.limits.retry-seconds", Variable),
    ("registry.limits.retry-percent", Variable),
    ("registry.limits.retries-per-second", Variable),
    ("registry.limits.password-address-failures", Variable),
    ("registry.limits.password-address-seconds", Variable),
    ("registry.limits.password-user-failures", Variable),
    ("registry.limits.password-user-seconds", Variable),
    ("registry.log.format", Unheeded("mistakes are lines of text; let a proxy write the log of requests")),
    ("registry.log.level", Unheeded("the component logs no requests; let a proxy write their log")),
];

/// The component's variable for the setting at `path`.
pub fn variable(path: &str) -> String {
    let key = path.strip_prefix("registry.").unwrap_or(path);
    format!("WHARFINGER_{}", key.to_ascii_uppercase().replace(['.', '-'], "_"))
}

/// The value of the field of `kind` as the component reads it; `None` if it has none, or a secret one.
pub fn text(kind: &Kind, settings: &mut Settings) -> Option<String> {
    match kind {
        Kind::Address { field, .. } => Some(field(settings).to_string()),
        Kind::Port { field, .. } => Some(field(settings).to_string()),
        Kind::Number { field, .. } => Some(field(settings).to_string()),
        Kind::Seconds { field, .. } => Some(field(settings).as_secs_f64().to_string()),
        Kind::Switch { field, .. } => Some(field(settings).to_string()),
        Kind::Name { field, .. } => Some(field(settings).name().to_owned()),
        Kind::Path { field, .. } => Some(field(settings).to_string_lossy().into_owned()),
        Kind::File { field } => field(settings).as_ref().map(|path| path.to_string_lossy().into_owned()),
        Kind::Text { field } | Kind::Container { field } | Kind::Url { field } => field(settings).clone(),
        Kind::List { field, .. } => field(settings).as_ref().map(|list| list.value.to_string()),
        Kind::Secret { .. } | Kind::Secrets { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::SETTINGS;
    use std::collections::BTreeSet;

    const PAGE: &str = include_str!("../../../docs/wasi.md");

    #[test]
    fn every_setting_has_one_fate() {
        let settings: Vec<&str> = SETTINGS.iter().map(|setting| setting.path).collect();
        assert_eq!(FATES.iter().map(|(path, _)| *path).collect::<Vec<_>>(), settings);
    }

    /// The cells of a table of the page, which a test of the component compares with what the component knows.
    fn rows(name: &str) -> Vec<(&'static str, &'static str)> {
        let (_, rest) = PAGE.split_once(&format!("<!-- {name}: begin -->")).expect("the table begins");
        let (table, _) = rest.split_once(&format!("<!-- {name}: end -->")).expect("the table ends");
        let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
        cells.map(|(first, second)| (first.trim_matches('`'), second.trim_matches(['`', '|', ' ']))).collect()
    }

    #[test]
    fn what_the_component_knows_it_is_given_and_nothing_else() {
        let told = rows("variables");
        assert!(told.len() > 20, "{told:?}");
        // A path of the component's own: the directory stands there by a flag.
        let told = told.into_iter().filter(|(name, _)| *name != "WHARFINGER_STORAGE_ROOT");
        let told: BTreeSet<(String, &str)> = told.map(|(name, path)| (name.to_owned(), path)).collect();
        let given = FATES.iter().filter(|(_, fate)| *fate == Variable);
        let given: BTreeSet<(String, &str)> = given.map(|(path, _)| (variable(path), *path)).collect();
        assert_eq!(given, told);
        for (path, _) in rows("not here") {
            let fate = FATES.iter().find(|(known, _)| *known == path).map(|(_, fate)| fate);
            assert!(matches!(fate, Some(Launcher | Unheeded(_))), "{path}: {fate:?}");
        }
    }
}
