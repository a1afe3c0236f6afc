use super::*;

fn refused(text: &str) -> String {
    parse("f.yaml", text).expect_err(text).to_string()
}

/// The settings of a file with these lines under `registry:`.
fn accepted(lines: &str) -> Settings {
    let text = format!("registry:\n{lines}");
    parse("f.yaml", &text).expect(&text)
}

#[test]
fn nothing_configured_is_the_defaults() {
    let settings = Settings::default();
    assert_eq!(settings.listen().to_string(), "127.0.0.1:5000");
    assert_eq!(settings.storage.root, PathBuf::from("./wharfinger-data"));
    assert_eq!(settings.limits.manifest_bytes, 4 * 1024 * 1024);
    assert_eq!(settings.limits.upload_age, Duration::from_secs(86400));
    assert!(settings.threads >= 1);
    assert!(!settings.sparse_manifests);
    assert_eq!(parse("f", "registry:\n").expect("an empty section"), settings);
    assert_eq!(accepted("  limits:\n  storage: ~\n"), settings);
}

#[test]
fn a_file_of_zuul_registry_reads() {
    let settings = accepted(
        "  address: '0.0.0.0'\n  port: 9000\n  public-url: https://registry.example.org:5000/\n  secret: test_token_secret\n  storage:\n    driver: filesystem\n    root: /storage\n",
    );
    assert_eq!(settings.listen().to_string(), "0.0.0.0:9000");
    assert_eq!(settings.public_url.as_deref(), Some("https://registry.example.org:5000"));
    assert_eq!(settings.secret, Some(Secret::from_phrase("test_token_secret")));
    assert_eq!(settings.storage.root, PathBuf::from("/storage"));
}

#[test]
fn every_kind_of_value_reads() {
    let settings = accepted(
        "  address: \"::1\"\n  port: 0\n  threads: 3\n  sparse-manifests: true\n  storage: {sync: none, root: \"a b\"}\n  limits:\n    head-seconds: 0.3\n    idle-seconds: 2\n    drain-seconds: 0\n    head-bytes: 1024\n  log: {format: json, level: trace}\n",
    );
    assert_eq!(settings.listen().to_string(), "[::1]:0");
    assert_eq!(settings.threads, 3);
    assert!(settings.sparse_manifests);
    assert_eq!((settings.storage.sync, settings.storage.root), (Sync::None, PathBuf::from("a b")));
    assert_eq!(settings.limits.head_time, Duration::from_millis(300));
    assert_eq!(settings.limits.idle_time, Duration::from_secs(2));
    assert_eq!(settings.limits.drain_time, Duration::ZERO);
    assert_eq!(settings.limits.head_bytes, 1024);
    assert_eq!(settings.log, Log { format: LogFormat::Json, level: LogLevel::Trace });
}

/// Checks that each text is refused in words that begin as expected.
fn check_refusals(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let message = refused(text);
        assert!(message.starts_with(expected), "{text:?}\n  said     {message}\n  expected {expected}");
    }
}

#[test]
fn refusals_name_the_place_the_key_what_was_found_and_what_was_expected() {
    check_refusals(&[
        (
            "registry:\n  port: 70000\n",
            "f.yaml:2:9: registry.port: found 70000; expected a whole number from 0 to 65535",
        ),
        (
            "registry:\n  port: \"5000\"\n",
            "f.yaml:2:9: registry.port: found the text \"5000\"; expected a whole number from 0 to 65535",
        ),
        (
            "registry:\n  address: localhost\n",
            "f.yaml:2:12: registry.address: found the text \"localhost\"; expected an IP address such as 127.0.0.1 or \"::1\"",
        ),
        (
            "registry:\n  sparse-manifests: yes\n",
            "f.yaml:2:21: registry.sparse-manifests: found the text \"yes\"; expected true or false",
        ),
        (
            "registry:\n  limits:\n    head-bytes: 12\n",
            "f.yaml:3:17: registry.limits.head-bytes: found 12; expected a whole number from 1024 to 1048576 (bytes)",
        ),
        (
            "registry:\n  limits:\n    head-seconds: [1]\n",
            "f.yaml:3:19: registry.limits.head-seconds: found a list; expected a number from 0.01 to 3600 (seconds)",
        ),
        (
            "registry:\n  log: {level: loud}\n",
            "f.yaml:2:16: registry.log.level: found the text \"loud\"; expected `error`, `warn`, `info`, `debug` or `trace`",
        ),
        (
            "registry:\n  storage:\n    root: 7\n",
            "f.yaml:3:11: registry.storage.root: found 7; expected a path",
        ),
        (
            "registry:\n  log: json\n",
            "f.yaml:2:8: registry.log: found the text \"json\"; expected a mapping with `format` or `level`",
        ),
    ]);
}

#[test]
fn unknown_keys_are_refused_with_the_one_that_was_meant() {
    check_refusals(&[
        ("registry:\n  prot: 1\n", "f.yaml:2:3: registry.prot: unknown key; did you mean `port`?"),
        (
            "registry:\n  limits:\n    head_bytes: 1\n",
            "f.yaml:3:5: registry.limits.head_bytes: unknown key; did you mean `head-bytes`?",
        ),
        (
            "registry:\n  head-bytes: 1\n",
            "f.yaml:2:3: registry.head-bytes: unknown key; did you mean `registry.limits.head-bytes`?",
        ),
        ("port: 1\n", "f.yaml:1:1: port: unknown key; did you mean `registry.port`?"),
        (
            "registry:\n  log:\n    colour: 1\n",
            "f.yaml:3:5: registry.log.colour: unknown key; expected `format` or `level`",
        ),
        (
            "registry.port: 1\n",
            "f.yaml:1:1: registry.port: unknown key; expected one key per line, sections indented below their name",
        ),
        ("- 1\n", "f.yaml:1:1: found a list; expected a mapping with `registry`"),
        ("{}\n", "f.yaml:1:1: found an empty mapping; expected the key `registry`"),
        (
            "registry:\n  limits:\n    manifest-bytes: 2048\n    collected-bytes: 1024\n",
            "f.yaml:3:21: registry.limits.manifest-bytes: found 2048; expected at most collected-bytes, which is 1024: lower this or raise that",
        ),
        (
            "registry:\n  limits:\n    collected-bytes: 1024\n",
            "f.yaml:3:22: registry.limits.collected-bytes: found 1024; expected at least manifest-bytes, which is 4194304: raise this or lower that",
        ),
        (
            "registry:\n  secret: sixteen letters!\n  storage:\n    driver: swift\n    container: c\n  limits:\n    manifest-bytes: 1024\n    collected-bytes: 8388607\n",
            "f.yaml:8:22: registry.limits.collected-bytes: found 8388607; expected at least 8388608 with `driver: swift`, which merges small segments in memory: raise it",
        ),
        ("registry: [\n", "f.yaml:2:1: not valid YAML"),
    ]);
}

#[test]
fn numbers_are_decimal_and_nothing_else() {
    for number in
        ["010", "0x400", "1_024", "1e4", "+2048", "-1", "2048.0", "99999999999999999999", "~", "''", ".inf"]
    {
        let message = refused(&format!("registry:\n  limits:\n    head-bytes: {number}\n"));
        assert!(message.contains("expected a whole number"), "{number}: {message}");
    }
    for number in [
        "1e1", ".5", "5.", "-0.5", "nan", ".nan", ".inf", "inf", "'3'", "3601", "0", "0.001", "1.2.3", "01.5",
    ] {
        let message = refused(&format!("registry:\n  limits:\n    head-seconds: {number}\n"));
        assert!(message.contains("expected a number from"), "{number}: {message}");
    }
}

#[test]
fn public_urls_have_a_scheme_an_authority_and_no_more() {
    for url in [
        "example.org",
        "ftp://a",
        "http://",
        "https://a/registry",
        "https://u:p@a",
        "https://a?b",
        "https://a#b",
    ] {
        let message = refused(&format!("registry:\n  public-url: {url}\n"));
        assert!(message.contains("expected a URL"), "{url}: {message}");
    }
}

#[test]
fn what_would_open_a_locked_registry_is_refused() {
    for (lines, expected) in [
        (
            "  users:\n    - name: a\n      pas: hidden\n      access: write\n",
            "3:7: registry.users[0].pass: missing; expected a password",
        ),
        ("  user: []\n", "2:3: registry.user: unknown key; did you mean `users`?"),
        ("  users:\n", "2:8: registry.users: found nothing; expected a list of users"),
        ("  tls-cert: /cert.pem\n", "2:13: registry.tls-key: missing; `tls-cert` makes a pair with this"),
        ("  tls-key: /key.pem\n", "2:12: registry.tls-cert: missing; `tls-key` makes a pair with this"),
        (
            "  tls-cert: /cert.pem\n  tls-key: ''\n",
            "3:12: registry.tls-key: found the text \"\"; expected the path",
        ),
        (
            "  tls-client-ca: /ca.pem\n",
            "2:18: registry.tls-client-ca: TLS is not served without tls-cert and",
        ),
        ("  storage: {cloud: x, container: y}\n", "registry.storage.cloud: this key is for `driver: swift`"),
        (
            "  storage: {driver: s3}\n",
            "registry.storage.driver: this version stores in a directory or in Swift",
        ),
    ] {
        let message = refused(&format!("registry:\n{lines}"));
        assert!(message.contains(expected), "{lines}: {message}");
        assert!(!message.contains("hidden"), "{message}");
    }
}

#[test]
fn swift_needs_a_container_and_a_secret_and_has_smaller_segments() {
    let message = refused("registry:\n  storage: {driver: swift}\n");
    assert!(message.starts_with("f.yaml:2:21: registry.storage.container: missing"), "{message}");
    assert!(message.contains("\nf.yaml:2:21: registry.secret: missing"), "{message}");
    let lines = "  secret: 0123456789abcdef-\n  storage: {driver: swift, cloud: c, container: w}\n";
    let settings = accepted(lines);
    assert_eq!(settings.storage.driver, Driver::Swift);
    assert_eq!(settings.storage.cloud.as_deref(), Some("c"));
    assert_eq!(settings.storage.container.as_deref(), Some("w"));
    assert_eq!(settings.storage.segments_container, None);
    assert_eq!(settings.limits.segment_bytes, 1 << 30);
    let settings = accepted(&format!("{lines}  limits: {{segment-bytes: 65536}}\n"));
    assert_eq!(settings.limits.segment_bytes, 65536);
}

#[test]
fn redirects_are_for_swift_and_no_url_outlives_its_key() {
    check_refusals(&[
        (
            "registry:\n  storage: {redirect: true}\n",
            "f.yaml:2:23: registry.storage.redirect: found true, which is for `driver: swift`",
        ),
        (
            "registry:\n  storage: {redirect-url: 'http://swift'}\n",
            "f.yaml:2:27: registry.storage.redirect-url: this key is for `driver: swift`",
        ),
        (
            "registry:\n  secret: 0123456789abcdef-\n  storage: {driver: swift, container: w, redirect: true, redirect-seconds: 3600, redirect-key-seconds: 60}\n",
            "f.yaml:3:76: registry.storage.redirect-seconds: redirect-seconds is 3600 and redirect-key-seconds 60; expected",
        ),
        (
            "registry:\n  secret: 0123456789abcdef-\n  storage: {driver: swift, container: w, redirect: true, redirect-key-seconds: 60}\n",
            "f.yaml:3:80: registry.storage.redirect-key-seconds: redirect-seconds is 1200 and redirect-key-seconds 60;",
        ),
    ]);
    let swift = "  secret: 0123456789abcdef-\n  storage: {driver: swift, container: w";
    let storage = accepted(&format!("{swift}}}\n")).storage;
    assert!(!storage.redirect);
    let storage =
        accepted(&format!("{swift}, redirect: true, redirect-url: 'https://swift:8080'}}\n")).storage;
    assert!(storage.redirect);
    assert_eq!(storage.redirect_url.as_deref(), Some("https://swift:8080"));
    assert_eq!((storage.redirect_time.as_secs(), storage.redirect_key_time.as_secs()), (1200, 30 * 86400));
}

#[test]
fn what_the_driver_does_not_heed_is_refused_and_not_printed() {
    let swift = "  secret: 0123456789abcdef-\n  storage: {driver: swift, container: w";
    for key in ["root: ./data", "sync: none"] {
        let message = refused(&format!("registry:\n{swift}, {key}}}\n"));
        assert!(message.contains("this key is for `driver: filesystem`"), "{message}");
    }
    for key in ["redirect-url: 'http://swift'", "redirect-seconds: 9999", "redirect-key-seconds: 60"] {
        let message = refused(&format!("registry:\n  storage: {{{key}}}\n"));
        assert!(message.contains("this key is for `driver: swift`"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        for off in ["", ", redirect: false"] {
            let message = refused(&format!("registry:\n{swift}, {key}{off}}}\n"));
            assert!(message.contains("has an effect with `redirect: true` alone"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
    for lines in [", redirect: true", ""] {
        let settings = accepted(&format!("{swift}{lines}}}\n"));
        let printed = print(&settings);
        assert!(printed.contains("# root: without effect here"), "{printed}");
        // The secret is not printed.
        let again = printed.replace("# secret: set, and not shown", "secret: 0123456789abcdef-");
        assert_eq!(parse("printed", &again).expect("reads"), settings);
    }
}

#[test]
fn containers_have_names_that_swift_takes() {
    for key in ["container", "segments-container"] {
        for name in ["a/b", "", "..", &"a".repeat(257)] {
            let line = format!("  storage: {{driver: swift, {key}: \"{name}\"}}");
            let message = refused(&format!("registry:\n{line}\n"));
            let column = line.find('"').expect("a quote") + 1;
            let problem = format!("f.yaml:2:{column}: registry.storage.{key}: found the text");
            assert!(message.starts_with(&problem), "{message}");
            assert!(message.contains("expected the name of a container: 1 to 256 bytes without a slash"));
            let missing = message.contains("registry.storage.container: missing");
            assert_eq!(missing, key != "container", "{message}");
        }
    }
    assert!(refused("registry:\n  storage: {cloud: ''}\n").contains("expected a text that is not empty"));
}

#[test]
fn no_secret_is_shown_by_anything() {
    for lines in
        ["secret: hidden\n", "secret: 271828182845904523\n", "secret: \"hidden\"\n", "secret: {hidden: x}\n"]
    {
        let message = refused(&format!("registry:\n  {lines}"));
        assert!(message.contains("registry.secret: found"), "{message}");
        assert!(!message.contains("hidden") && !message.contains("2718"), "{message}");
    }
    let settings = accepted("  secret: hidden-0123456789\n");
    assert!(!format!("{settings:?}").contains("hidden"));
    assert!(!print(&settings).contains("hidden"));
    assert!(print(&settings).contains("# secret: set, and not shown\n"));
}

#[test]
fn all_problems_of_a_file_are_told_at_once_but_not_without_end() {
    let message = refused("registry:\n  port: x\n  addres: 1\n  users: {}\n");
    let starts: Vec<&str> = message.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(starts, ["f.yaml:2:9", "f.yaml:3:3", "f.yaml:4:10"]);
    let many: String = (0..100).map(|number| format!("  nothing{number}: 1\n")).collect();
    let message = refused(&format!("registry:\n{many}"));
    assert_eq!(message.lines().count(), 21);
    assert!(message.ends_with("f.yaml: 80 more problems"), "{message}");
    let message = refused(&format!("registry:\n  address: {}\n", "ä".repeat(10_000)));
    assert!(message.len() < 400, "{message}");
}

#[test]
fn what_is_printed_reads_back_to_the_same() {
    let mut settings = accepted(
        "  address: '::1'\n  public-url: http://a:1\n  sparse-manifests: true\n  storage: {root: \"a \\\"b\\\"\\n\\\\c: #d\"}\n  limits: {head-seconds: 0.35, store-seconds: 0.01}\n",
    );
    assert_eq!(parse("printed", &print(&settings)).expect("reads"), settings);
    settings = Settings::default();
    assert_eq!(parse("printed", &print(&settings)).expect("reads"), settings);
}

#[test]
fn unreadable_large_and_binary_files_are_told_apart() {
    let dir = tempdir("config-files");
    let path = dir.join("wharfinger.yaml");
    let message = load(&path).expect_err("missing").to_string();
    assert!(message.contains("cannot read the configuration file"), "{message}");
    std::fs::write(&path, vec![b'#'; FILE_BYTES_MAX as usize + 1]).expect("writes");
    assert!(matches!(load(&path), Err(ConfigError::TooLarge { .. })));
    std::fs::write(&path, b"registry:\n  # \xff\n").expect("writes");
    assert!(matches!(load(&path), Err(ConfigError::NotText { line: 2, .. })));
    std::fs::write(&path, "\u{feff}registry:\r\n  port: 1\r\n").expect("writes");
    assert_eq!(load(&path).expect("a mark of the byte order and DOS lines are fine").port, 1);
    std::fs::remove_dir_all(&dir).expect("removes");
}

/// A fresh directory.
fn tempdir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("wharfinger-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("makes a directory");
    dir
}
