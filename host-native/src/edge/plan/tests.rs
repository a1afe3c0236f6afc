use super::*;
use crate::clouds::{Auth, AuthType, Interface};
use crate::config::{self, List};
use crate::secret::Secret;

fn given() -> Given {
    Given {
        file: Some("registry.yaml".to_owned()),
        component: "wharfinger_wasi.wasm".to_owned(),
        flags: Vec::new(),
        has_secret: false,
        cloud: None,
        hashes: None,
    }
}

fn settings(text: &str) -> Settings {
    config::parse("registry.yaml", text).expect("a configuration")
}

fn cloud() -> Cloud {
    Cloud {
        name: "rig".to_owned(),
        auth_type: AuthType::V1Password,
        auth: Auth {
            auth_url: "http://127.0.0.1:8080/auth/v1.0".to_owned(),
            username: Some("test:tester".to_owned()),
            password: Some(Secret::from_phrase("it's not shown")),
            ..Auth::default()
        },
        region: None,
        interface: Interface::Public,
        cacert: None,
        verify: true,
        cert: None,
        key: None,
        object_store_endpoint_override: None,
    }
}

fn unfit(settings: &Settings, given: Given) -> Vec<String> {
    match Plan::new(settings, given) {
        Err(EdgeError::Unfit(lines)) => lines,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_directory_without_a_word_of_configuration() {
    let plan = Plan::new(&Settings::default(), given()).expect("a plan");
    assert_eq!(plan.warnings(), [""; 0]);
    let expected = r#"( set -e
mkdir -p ./wharfinger-data
[ -e ./wharfinger-data/secret ] || (umask 077; head -c 24 /dev/urandom | base64 | tr -d '\n' >./wharfinger-data/secret.new-$$ && ln ./wharfinger-data/secret.new-$$ ./wharfinger-data/secret; rm -f ./wharfinger-data/secret.new-$$)
WHARFINGER_SECRET="$(cat ./wharfinger-data/secret)"
export WHARFINGER_SECRET
export WHARFINGER_OPEN_TO_ALL='true'
exec env RUST_BACKTRACE=0 wasmtime serve -Scli --addr 127.0.0.1:5000 \
  --max-instance-reuse-count 1000 --idle-instance-timeout 10s -Wmax-memory-size=268435456 \
  --dir ./wharfinger-data::/data \
  --env WHARFINGER_SECRET --env WHARFINGER_OPEN_TO_ALL \
  wharfinger_wasi.wasm
)
"#;
    assert_eq!(plan.print().expect("text"), expected);
}

#[test]
fn all_that_is_set_is_passed_and_no_secret_is_shown() {
    let settings = settings(
        "registry:
  address: '::'
  port: 80
  secret: not-a-secret-of-anybody
  sparse-manifests: true
  open-to-all: true
  storage: {driver: swift, cloud: rig, container: the registry's}
  limits: {grace-seconds: 0.5, segment-bytes: 1099511627776, connections: 7, collected-bytes: 33554432}
  log: {format: json}
",
    );
    let flags = vec!["-O".to_owned(), "opt-level=s".to_owned(), "--idle-instance-timeout=1s".to_owned()];
    let plan = Plan::new(&settings, Given { cloud: Some(cloud()), flags, ..given() }).expect("a plan");
    assert_eq!(
        plan.warnings(),
        [
            "registry.limits.connections has no effect: wasmtime has no such limit; put a proxy before it",
            "registry.log.format has no effect: mistakes are lines of text; let a proxy write the log of requests",
        ]
    );
    let expected = r#"( set -e
# export WHARFINGER_SECRET=...    registry.secret of registry.yaml
: "${WHARFINGER_SECRET:?is registry.secret of registry.yaml: export it first}"
export WHARFINGER_OPEN_TO_ALL='true'
export WHARFINGER_SPARSE_MANIFESTS='true'
export WHARFINGER_STORAGE_DRIVER='swift'
export WHARFINGER_STORAGE_CONTAINER='the registry'\''s'
export WHARFINGER_LIMITS_COLLECTED_BYTES='33554432'
export WHARFINGER_LIMITS_GRACE_SECONDS='0.5'
export WHARFINGER_LIMITS_SEGMENT_BYTES='1099511627776'
export OS_AUTH_TYPE='v1password'
export OS_AUTH_URL='http://127.0.0.1:8080/auth/v1.0'
export OS_USERNAME='test:tester'
# export OS_PASSWORD=...    `password` of the cloud `rig`, of clouds.yaml, secure.yaml or OS_*
: "${OS_PASSWORD:?is password of the cloud rig, of clouds.yaml, secure.yaml or OS_*: export it first}"
exec env RUST_BACKTRACE=0 wasmtime serve -Scli --addr '[::]:80' \
  --max-instance-reuse-count 1000 -Wmax-memory-size=301989888 \
  --env WHARFINGER_SECRET --env WHARFINGER_OPEN_TO_ALL --env WHARFINGER_SPARSE_MANIFESTS \
  --env WHARFINGER_STORAGE_DRIVER --env WHARFINGER_STORAGE_CONTAINER --env WHARFINGER_LIMITS_COLLECTED_BYTES \
  --env WHARFINGER_LIMITS_GRACE_SECONDS --env WHARFINGER_LIMITS_SEGMENT_BYTES --env OS_AUTH_TYPE \
  --env OS_AUTH_URL --env OS_USERNAME --env OS_PASSWORD \
  -O opt-level=s --idle-instance-timeout=1s \
  wharfinger_wasi.wasm
)
"#;
    assert_eq!(plan.print().expect("text"), expected);
}

#[test]
fn what_swift_changes_by_itself_is_not_passed() {
    let settings =
        settings("registry: {secret: not-a-secret-of-anybody, storage: {driver: swift, container: c}}");
    let plan = Plan::new(&settings, Given { cloud: Some(cloud()), ..given() }).expect("a plan");
    assert_eq!(plan.warnings(), [""; 0]);
    let names: Vec<&str> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "WHARFINGER_SECRET",
            "WHARFINGER_OPEN_TO_ALL",
            "WHARFINGER_STORAGE_DRIVER",
            "WHARFINGER_STORAGE_CONTAINER",
            "OS_AUTH_TYPE",
            "OS_AUTH_URL",
            "OS_USERNAME",
            "OS_PASSWORD"
        ]
    );
}

/// Values that differ from the defaults, for all settings that a directory heeds, and for all that Swift does.
fn changed_everywhere(driver: Driver) -> Settings {
    let mut settings = Settings::default_for(driver);
    settings.secret = Some(Secret::from_phrase("not-a-secret-of-anybody"));
    for setting in SETTINGS {
        match &setting.kind {
            Kind::Number { max, field, .. } => *field(&mut settings) = *max - 1,
            Kind::Seconds { max, field, .. } => *field(&mut settings) = Duration::from_secs_f64(*max - 0.5),
            Kind::Switch { default, field } => *field(&mut settings) = !default,
            Kind::Port { field, .. } => *field(&mut settings) = 1,
            Kind::Text { field } | Kind::Container { field } => *field(&mut settings) = Some("x".to_owned()),
            Kind::File { field } => *field(&mut settings) = Some(PathBuf::from("x")),
            Kind::Url { field } => *field(&mut settings) = Some("http://x".to_owned()),
            Kind::Path { field, .. } => *field(&mut settings) = PathBuf::from("x"),
            Kind::Name { default, field } if setting.path != "registry.storage.driver" => {
                let names = field(&mut settings).names();
                let other = names.iter().find(|name| *name != default).expect("another name");
                assert!(field(&mut settings).choose(other));
            }
            Kind::Secrets { field, .. } => field(&mut settings).push(Secret::from_phrase("an-older-secret")),
            Kind::List { field, .. } => *field(&mut settings) = Some(List { value: Vec::<u8>::new().into() }),
            Kind::Name { .. } | Kind::Address { .. } | Kind::Secret { .. } => {}
        }
    }
    // It contradicts the users.
    settings.locks.open_to_all = false;
    settings
}

#[test]
fn every_setting_is_passed_or_warned_of() {
    let settings = changed_everywhere(Driver::Swift);
    let plan = Plan::new(&settings, Given { cloud: Some(cloud()), ..given() }).expect("a plan");
    for (path, fate) in FATES {
        let passed = plan.variables.iter().any(|known| known.name == variable(path));
        let warned = plan.warnings().iter().any(|line| line.starts_with(&format!("{path} has no effect: ")));
        let expected = match fate {
            // Where there are users, it is not.
            Fate::Variable if *path == "registry.open-to-all" => (false, false),
            // Only a proxy could show them.
            Fate::Variable if *path == "registry.client-certificates" => (true, true),
            Fate::Variable => (true, false),
            Fate::Unheeded(_) => (false, true),
            Fate::Launcher => (false, false),
        };
        assert_eq!((passed, warned), expected, "{path}");
    }
    let text = plan.print().expect("text");
    assert!(text.contains(" --addr 127.0.0.1:1 ") && text.contains("-Wmax-memory-size=4294967296"), "{text}");
    let text = Plan::new(&changed_everywhere(Driver::Filesystem), given()).expect("a plan").print();
    assert!(text.expect("text").contains("--dir x::/data"));
}

#[test]
fn users_are_handed_over_and_not_shown() {
    let file = settings(
        "registry:\n  old-secrets: [an-older-secret-of-nobody]\n  users: [{name: ci, pass: hidden}]\n  rules: [{repositories: '**', users: ci, actions: pull}]\n",
    );
    let plan = Plan::new(&file, given()).expect("a plan");
    let secret = |text: &str, path: &str| Value::Secret {
        secret: Secret::from_phrase(text),
        source: format!("{path} of registry.yaml, as JSON"),
    };
    let value = |name: &str| {
        plan.variables.iter().find(|variable| variable.name == name).map(|variable| variable.value.clone())
    };
    let users = secret(r#"[{"name":"ci","pass":"hidden"}]"#, "registry.users");
    assert_eq!(value("WHARFINGER_USERS"), Some(users));
    let old = secret(r#"["an-older-secret-of-nobody"]"#, "registry.old-secrets");
    assert_eq!(value("WHARFINGER_OLD_SECRETS"), Some(old));
    let rules = r#"[{"actions":"pull","repositories":"**","users":"ci"}]"#;
    assert_eq!(value("WHARFINGER_RULES"), Some(Value::Plain(rules.to_owned())));
    let text = plan.print().expect("text");
    assert!(!text.contains("hidden") && !text.contains("an-older-secret"), "{text}");
    let hashes = Some(vec![("dev".to_owned(), "hidden-too".to_owned())]);
    let plan = Plan::new(&file, Given { hashes, ..given() }).expect("a plan");
    let users = plan.variables.iter().find(|variable| variable.name == "WHARFINGER_USERS");
    let both = r#"[{"name":"ci","pass":"hidden"},{"name":"dev","pass":"hidden-too"}]"#;
    let both = secret(both, "registry.users with registry.htpasswd");
    assert_eq!(users.map(|variable| &variable.value), Some(&both));
    assert!(!plan.print().expect("text").contains("hidden-too"));
}

#[test]
fn nobody_is_let_in_from_elsewhere_whom_nobody_knows() {
    let open = Settings::default();
    let at = |address: &str| Given { flags: vec!["--addr".to_owned(), address.to_owned()], ..given() };
    let joined = Given { flags: vec!["--addr=0.0.0.0:80".to_owned()], ..given() };
    for given in
        [at("0.0.0.0:80"), at("[::]:80"), joined, Given { flags: vec!["--addr".to_owned()], ..given() }]
    {
        let refused = Plan::new(&open, given);
        assert!(matches!(refused, Err(EdgeError::Exposure(_))), "{refused:?}");
    }
    let is_open = |settings: &Settings, given: Given| {
        let plan = Plan::new(settings, given).expect("a plan");
        plan.variables.contains(&Variable::plain("WHARFINGER_OPEN_TO_ALL", "true".to_owned()))
    };
    assert!(is_open(&open, at("127.0.0.1:80")));
    assert!(is_open(&settings("registry: {open-to-all: true}"), at("0.0.0.0:80")));
    assert!(!is_open(&settings("registry: {users: []}"), at("0.0.0.0:80")));
    assert!(!is_open(&settings("registry: {htpasswd: /none}"), at("0.0.0.0:80")));
}

#[test]
fn what_no_environment_holds_is_refused() {
    let names = (0..5000).map(|at| format!("{{name: user-{at}, pass: not-a-password, access: read}}"));
    let names = names.collect::<Vec<_>>().join(", ");
    let wrong = unfit(&settings(&format!("registry: {{users: [{names}]}}")), given());
    let expected = "WHARFINGER_USERS would be longer than the environment of a process takes (131071 bytes)";
    assert!(wrong.len() == 1 && wrong[0].starts_with(expected), "{wrong:?}");
}

#[test]
fn the_secret_of_the_environment_has_no_effect_as_with_the_native_server() {
    let given = Given { has_secret: true, ..given() };
    let plan = Plan::new(&Settings::default(), given.clone()).expect("a plan");
    assert_eq!(
        plan.warnings(),
        [
            "WHARFINGER_SECRET of the environment has no effect: the secret in the directory counts; another one is registry.secret"
        ]
    );
    assert_eq!(plan.variables[0].value, Value::Kept(Settings::default().storage.root));
    let file = settings("registry: {secret: not-a-secret-of-anybody}");
    // Whoever runs what was printed has it there.
    let plan = Plan::new(&file, given).expect("a plan");
    assert_eq!(plan.warnings(), [""; 0]);
    assert!(
        matches!(&plan.variables[0].value, Value::Secret { source, .. } if source == "registry.secret of registry.yaml")
    );
}

#[test]
fn what_cannot_be_handed_over_is_refused() {
    let mut settings = Settings::default();
    for name in ["/a::b", "::", "x:", ":"] {
        settings.storage.root = PathBuf::from(name);
        let expected = format!(
            "--data or registry.storage.root: wasmtime takes no directory with such a name: {name}; choose one of UTF-8 without \
             `::`, and without `:` at its end"
        );
        assert_eq!(unfit(&settings, given()), [expected]);
    }
    for name in ["/a:b", ":a", "x:/"] {
        settings.storage.root = PathBuf::from(name);
        Plan::new(&settings, given()).expect("a plan");
    }
    let secret = Some(Secret::from_phrase("a NUL \0 is not for an environment"));
    let settings = Settings { secret, ..Settings::default() };
    let wrong = unfit(&settings, given());
    assert_eq!(
        wrong,
        ["WHARFINGER_SECRET cannot hold the character NUL; remove it from registry.secret of registry.yaml"]
    );
    let swift = config::parse(
        "registry.yaml",
        "registry: {secret: not-a-secret-of-anybody, storage: {driver: swift, container: c}}",
    );
    let swift = swift.expect("a configuration");
    let private = Cloud { cacert: Some(PathBuf::from("ca.pem")), ..cloud() };
    let auth = Auth { auth_url: "https://127.0.0.1/auth/v1.0".to_owned(), ..cloud().auth };
    let wrong = unfit(&swift, Given { cloud: Some(Cloud { auth, ..private }), ..given() });
    assert!(wrong.len() == 1 && wrong[0].starts_with("cloud `rig`: cacert: wasmtime trusts no"), "{wrong:?}");
    let auth = Auth { trust_id: Some("t".to_owned()), ..cloud().auth };
    let scoped = Plan::new(&swift, Given { cloud: Some(Cloud { auth, ..cloud() }), ..given() });
    assert!(matches!(scoped, Err(EdgeError::Login(_))), "{scoped:?}");
}

#[test]
fn paths_that_begin_like_flags_are_none() {
    let mut settings = Settings::default();
    settings.storage.root = PathBuf::from("-x");
    let given = Given { component: "-y.wasm".to_owned(), ..given() };
    let text = Plan::new(&settings, given).and_then(|plan| plan.print()).expect("text");
    assert!(text.starts_with("( set -e\nmkdir -p ./-x\n[ -e ./-x/secret ]"), "{text}");
    assert!(text.contains("--dir ./-x::/data") && text.ends_with(" ./-y.wasm\n)\n"), "{text}");
}

#[test]
fn a_limit_on_the_time_of_requests_is_warned_of() {
    for (flags, warned) in [
        (&["-Wtimeout=1s"][..], true),
        (&["-W", "timeout=1s"], true),
        (&["--wasm=simd=y,timeout=1s"], true),
        (&["--wasm", "simd=y,timeout=1s"], true),
        (&["-W=timeout=1s"], true),
        (&["--env", "timeout=5"], false),
        (&["--env=timeout=5"], false),
        (&["-W", "simd=y", "timeout=1s"], false),
        (&["--idle-instance-timeout=1s", "-Wsimd=y"], false),
    ] {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let plan = Plan::new(&Settings::default(), Given { flags, ..given() }).expect("a plan");
        assert_eq!(plan.warnings().len(), usize::from(warned), "{:?}", plan.lines);
    }
}
