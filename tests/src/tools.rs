//! skopeo, podman and buildah, kept to one directory and away from the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How long one call of a client may take, seconds.
const CALL_SECONDS_MAX: &str = "300";

/// The clients, with a home, an image store and settings of their own.
#[derive(Clone, Debug)]
pub struct Tools {
    home: PathBuf,
}

impl Tools {
    /// Clients that keep everything under the directory `home`.
    ///
    /// # Panics
    /// When `home` cannot be written.
    pub fn new(home: &Path) -> Self {
        let settings = home.join(".config/containers");
        fs::create_dir_all(&settings).expect("the home of the clients must be writable");
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/store\"\nrunroot = \"{0}/run\"\n",
            home.display()
        );
        let files = [
            ("policy.json", r#"{"default": [{"type": "insecureAcceptAnything"}]}"#),
            ("registries.conf", "unqualified-search-registries = []\nshort-name-mode = \"disabled\"\n"),
            ("storage.conf", storage.as_str()),
            ("containers.conf", "[engine]\nevents_logger = \"none\"\n"),
        ];
        for (name, text) in files {
            fs::write(settings.join(name), text).expect("the home of the clients must be writable");
        }
        Self { home: home.to_owned() }
    }

    /// Runs skopeo and answers what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn skopeo(&self, arguments: &[&str]) -> String {
        printed(arguments, &self.try_skopeo(arguments))
    }

    /// Runs skopeo, whether it succeeds or fails.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn try_skopeo(&self, arguments: &[&str]) -> Output {
        self.run("skopeo", arguments)
    }

    /// Runs podman and answers what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn podman(&self, arguments: &[&str]) -> String {
        printed(arguments, &self.run("podman", arguments))
    }

    /// Runs buildah and answers what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn buildah(&self, arguments: &[&str]) -> String {
        printed(arguments, &self.run("buildah", arguments))
    }

    /// Runs one of the clients, whether it succeeds or fails.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let settings = self.home.join(".config/containers");
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", CALL_SECONDS_MAX, program]).args(arguments);
        command.env("HOME", &self.home).env("TMPDIR", &self.home).env("XDG_RUNTIME_DIR", &self.home);
        command.env("BUILDAH_ISOLATION", "chroot");
        command.env("CONTAINERS_CONF", settings.join("containers.conf"));
        command.env("CONTAINERS_REGISTRIES_CONF", settings.join("registries.conf"));
        command.env("CONTAINERS_STORAGE_CONF", settings.join("storage.conf"));
        let out = command.output().expect("`timeout` must be installed: apt-get install coreutils");
        let missing = out.status.code() == Some(127);
        assert!(!missing, "{program} must be installed: apt-get install {program}");
        out
    }
}

fn printed(arguments: &[&str], out: &Output) -> String {
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{arguments:?} failed: {}\n{said}", out.status);
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}
