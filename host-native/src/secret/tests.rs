use super::*;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

const DIR_VARIABLE: &str = "WHARFINGER_TEST_SECRET_DIR";

/// A directory of its own for each test, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("wharfinger-secret-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("makes a directory");
        Self(dir)
    }

    /// All names but the secret's and those that end so.
    fn others(&self, suffix: &str) -> Vec<String> {
        let names = fs::read_dir(&self.0).expect("lists").map(|entry| entry.expect("lists").file_name());
        let names = names.map(|name| name.into_string().expect("UTF-8"));
        names.filter(|name| name != FILE_NAME && !name.ends_with(suffix)).collect()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn is_made_once_for_its_owner_alone_and_kept() {
    let dir = Dir::new("once");
    let root = dir.0.join("not/yet/there");
    let secret = load_or_create(&root).expect("makes");
    let metadata = fs::metadata(root.join(FILE_NAME)).expect("is there");
    assert_eq!(metadata.mode() & 0o777, 0o600);
    assert_eq!(fs::read(root.join(FILE_NAME)).expect("reads"), secret.as_bytes());
    assert_eq!(load_or_create(&root).expect("loads"), secret);
    let other = load_or_create(&dir.0).expect("makes");
    assert_ne!(other, secret);
    assert_ne!(secret.as_bytes(), [secret.as_bytes()[0]; SECRET_BYTES]);
    assert!(secret.as_text().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_graphic())));
}

#[test]
fn threads_that_race_agree() {
    for round in 0..20 {
        let dir = Dir::new(&format!("threads-{round}"));
        let barrier = Barrier::new(8);
        let secrets: Vec<Secret> = thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        load_or_create(&dir.0).expect("makes or loads")
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().expect("ends")).collect()
        });
        let kept = fs::read(dir.0.join(FILE_NAME)).expect("reads");
        assert!(secrets.iter().all(|secret| secret.as_bytes() == kept));
        assert_eq!(dir.others(""), Vec::<String>::new());
    }
}

/// Runs itself several times: with the variable set, it is one of the processes.
#[test]
fn processes_that_race_agree() {
    if let Some(dir) = std::env::var_os(DIR_VARIABLE) {
        let secret = load_or_create(Path::new(&dir)).expect("makes or loads");
        let seen = Path::new(&dir).join(format!("{}.seen", std::process::id()));
        fs::write(seen, secret.as_bytes()).expect("writes");
        return;
    }
    let dir = Dir::new("processes");
    let itself = std::env::current_exe().expect("has a name");
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(&itself)
                .args(["--exact", "secret::tests::processes_that_race_agree"])
                .env(DIR_VARIABLE, &dir.0)
                .stdout(Stdio::null())
                .spawn()
                .expect("starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
    let kept = fs::read(dir.0.join(FILE_NAME)).expect("reads");
    let seen: Vec<PathBuf> = fs::read_dir(&dir.0)
        .expect("lists")
        .map(|entry| entry.expect("lists").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seen"))
        .collect();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|path| fs::read(path).expect("reads") == kept));
    assert_eq!(dir.others(".seen"), Vec::<String>::new());
}

#[test]
fn what_is_no_secret_is_refused_and_left_alone() {
    let dir = Dir::new("refused");
    let path = dir.0.join(FILE_NAME);
    for size in [0, SECRET_BYTES - 1, SECRET_BYTES + 1, 4096] {
        let _ = fs::remove_file(&path);
        write_new(&path, &vec![7; size]).expect("writes");
        let error = load_or_create(&dir.0).expect_err("wrong size");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("not 32 bytes long"), "{error}");
        assert_eq!(fs::read(&path).expect("reads"), vec![7; size]);
    }
    fs::remove_file(&path).expect("removes");
    fs::create_dir(&path).expect("makes");
    assert!(load_or_create(&dir.0).expect_err("a directory").to_string().contains("not a file"));
}

#[test]
fn a_secret_that_others_may_use_is_refused() {
    let dir = Dir::new("mode");
    load_or_create(&dir.0).expect("makes");
    let path = dir.0.join(FILE_NAME);
    for mode in [0o640, 0o604, 0o620, 0o644, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changes");
        let error = load_or_create(&dir.0).expect_err("open to others");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("changes");
    load_or_create(&dir.0).expect("the owner may read it");
}

#[test]
fn errors_name_the_path() {
    let dir = Dir::new("path");
    let file = dir.0.join("file");
    fs::write(&file, "").expect("writes");
    let error = load_or_create(&file.join("root")).expect_err("below a file").to_string();
    assert!(error.contains("file/root"), "{error}");
}

#[test]
fn debug_shows_nothing_of_it() {
    let secret = Secret::from_phrase("hidden");
    assert_eq!(format!("{secret:?}"), "Secret(not shown)");
    assert_eq!(secret.as_bytes(), b"hidden");
}
