use super::*;

#[test]
fn every_path_is_one_kebab_case_key_of_its_own() {
    let mut paths: Vec<&str> = SETTINGS.iter().map(|setting| setting.path).collect();
    for path in &paths {
        assert!(path.starts_with("registry."), "{path}");
        assert!(path.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '.'), "{path}");
        assert!(!paths.iter().any(|other| other.starts_with(&format!("{path}."))), "{path} is a section too");
    }
    paths.sort_unstable();
    let all = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), all);
}

#[test]
fn units_stand_in_the_names_and_docs_are_sentences() {
    for Setting { path, kind, doc } in SETTINGS {
        assert!(doc.ends_with('.') && !doc.contains('|') && !doc.contains('\n'), "{path}");
        match kind {
            Kind::Seconds { default, min, max, .. } => {
                assert!(path.ends_with("-seconds"), "{path}");
                assert!(min <= default && default <= max, "{path}");
            }
            Kind::Number { default, min, max, unit, .. } => {
                // Named by others.
                let alien = ["descriptors"].contains(unit) || path.ends_with(".expiration");
                assert!(path.ends_with(unit) || alien, "{path}");
                assert!(min <= default && default <= max, "{path}");
            }
            Kind::Address { .. }
            | Kind::Port { .. }
            | Kind::Switch { .. }
            | Kind::Name { .. }
            | Kind::Path { .. }
            | Kind::File { .. }
            | Kind::Text { .. }
            | Kind::Container { .. }
            | Kind::Url { .. }
            | Kind::Secret { .. }
            | Kind::Secrets { .. }
            | Kind::List { .. } => {}
        }
    }
}
