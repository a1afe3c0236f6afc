//! A registry that stores in Swift.

use std::process::Command;

use crate::server::{Folder, Options, Server, binary};

/// Names the file of the clouds to openstacksdk, and to the registry.
const CLOUDS: &str = "OS_CLIENT_CONFIG_FILE";

/// Where a registry logs in, and which container it stores in.
#[derive(Clone, Debug)]
pub struct Berth {
    /// The keys of the cloud in clouds.yaml, as JSON.
    pub cloud: serde_json::Value,
    /// The container of everything but segments; those stand in `<container>-segments`, unless the lines say otherwise.
    pub container: String,
    /// Lines of the configuration under `registry:`, each indented by two spaces and ended. With four spaces, the first
    /// ones go on with `storage:`.
    pub lines: String,
}

impl Berth {
    /// A registry that logs in to Swift itself, at `http://ADDRESS/auth/v1.0`.
    pub fn v1(auth_url: &str, user: &str, key: &str, container: &str) -> Self {
        let auth = serde_json::json!({"auth_url": auth_url, "username": user, "password": key});
        let cloud = serde_json::json!({"auth_type": "v1password", "auth": auth});
        Self { cloud, container: container.to_owned(), lines: String::new() }
    }

    /// The same with further lines of configuration.
    #[must_use]
    pub fn with(mut self, lines: &str) -> Self {
        self.lines.push_str(lines);
        self
    }

    /// Starts the registry.
    ///
    /// # Errors
    /// When it does not start, with what it said.
    pub fn start(&self) -> Result<Server, String> {
        // Read at the start alone.
        let folder = Folder::new("clouds")?;
        let env = vec![(CLOUDS.to_owned(), self.write_clouds(&folder)?)];
        Server::start(Options { config: Some(self.config()), env, ..Options::default() })
    }

    /// The binary with its configuration, which stands in `folder`, and this subcommand.
    ///
    /// # Errors
    /// When the configuration cannot be written, or there is no binary.
    pub fn command(&self, folder: &Folder, subcommand: &str) -> Result<Command, String> {
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, self.config()).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut command = Command::new(binary()?);
        command.arg(subcommand).arg("--config").arg(path).env(CLOUDS, self.write_clouds(folder)?);
        Ok(command)
    }

    fn config(&self) -> String {
        let Self { container, lines, .. } = self;
        let segments = match lines.contains("    segments-container:") {
            true => String::new(),
            false => format!("    segments-container: {container}-segments\n"),
        };
        format!(
            "registry:\n  secret: not-a-secret-of-anybody\n  storage:\n    driver: swift\n    cloud: rig\n    \
             container: {container}\n{segments}{lines}"
        )
    }

    /// Writes clouds.yaml; returns its path.
    fn write_clouds(&self, folder: &Folder) -> Result<String, String> {
        let clouds = folder.path().join("clouds.yaml");
        let text = serde_json::json!({"clouds": {"rig": self.cloud}}).to_string();
        std::fs::write(&clouds, text).map_err(|error| format!("{}: {error}", clouds.display()))?;
        Ok(clouds.display().to_string())
    }
}
