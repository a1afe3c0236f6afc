//! Finds the files and the variables, and merges what they say.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::tree::{Map, Tree, merge};
use super::{CloudError, ENVIRONMENT_CLOUD, Environment};
use crate::config::{FILE_BYTES_MAX, yaml};

/// Endings of the files, in the order in which they are looked for in each folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Variables that only choose among clouds, and make none.
const SELECTORS: [&str; 5] =
    ["OS_CLOUD", "OS_REGION_NAME", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "OS_CLOUD_NAME"];

/// Beginnings of variables of other programs.
const FOREIGN: [&str; 3] = ["OS_TEST", "OS_STD", "OS_LOG"];

/// All clouds.
pub struct Found {
    clouds: BTreeMap<String, Map>,
    /// The name of the cloud that the variables make, if they make one.
    from_variables: Option<String>,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// Reads clouds.yaml, secure.yaml and the variables.
pub fn search(environment: &Environment<'_>) -> Result<Found, CloudError> {
    let folders = folders(environment);
    let mut files = Vec::new();
    let mut all = Map::new();
    for (stem, variable) in [("clouds", "OS_CLIENT_CONFIG_FILE"), ("secure", "OS_CLIENT_SECURE_FILE")] {
        if let Some((file, content)) = first(environment, &folders, stem, variable)? {
            check(&file, &content)?;
            merge(&mut all, content);
            files.push(file);
        }
    }
    let mut clouds = BTreeMap::new();
    if let Some(Tree::Map(named)) = all.remove("clouds") {
        for (name, cloud) in named {
            let keys = if let Tree::Map(keys) = cloud { keys } else { Map::new() };
            clouds.insert(name, keys);
        }
    }
    let name = environment.variables.get("OS_CLOUD_NAME").map_or(ENVIRONMENT_CLOUD, String::as_str);
    if clouds.contains_key(name) {
        return Err(CloudError::Taken { name: name.to_owned() });
    }
    let from_variables = variables(environment).map(|keys| {
        clouds.insert(name.to_owned(), keys);
        name.to_owned()
    });
    Ok(Found { clouds, from_variables, files, folders })
}

impl Found {
    /// The cloud of that name, or the one that is meant without a name.
    pub fn choose(
        &self,
        environment: &Environment<'_>,
        name: Option<&str>,
    ) -> Result<(String, &Map), CloudError> {
        let chosen = name.or(environment.variable("OS_CLOUD")).or(self.from_variables.as_deref());
        let known = || self.clouds.keys().cloned().collect();
        let name = match (chosen, self.clouds.len()) {
            (Some(name), _) => name,
            (None, 0) => {
                return Err(CloudError::Nothing { folders: self.folders.clone(), files: self.files.clone() });
            }
            (None, 1) => self.clouds.keys().next().map(String::as_str).unwrap_or_default(),
            (None, _) => return Err(CloudError::Several { known: known() }),
        };
        let unknown = || CloudError::Unknown {
            name: name.to_owned(),
            known: known(),
            files: self.files.clone(),
            folders: self.folders.clone(),
        };
        self.clouds.get(name).map(|keys| (name.to_owned(), keys)).ok_or_else(unknown)
    }
}

/// Where the files are looked for.
fn folders(environment: &Environment<'_>) -> Vec<PathBuf> {
    let mut folders = vec![environment.working_folder.to_owned()];
    let config = environment.home.map(|home| home.join(".config"));
    let users = environment.variable("XDG_CONFIG_HOME").map(PathBuf::from).or(config.clone());
    let real = environment.variable("SNAP_REAL_HOME").map(|home| Path::new(home).join(".config")).or(config);
    let sites = environment.variable("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg");
    let sites = sites.split(':').filter(|site| !site.is_empty()).map(PathBuf::from);
    let parents = users.into_iter().chain(real).chain(sites).chain([PathBuf::from("/etc")]);
    for parent in parents {
        let folder = environment.working_folder.join(parent).join("openstack");
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The first file of that name, and what it says.
fn first(
    environment: &Environment<'_>,
    folders: &[PathBuf],
    stem: &str,
    variable: &'static str,
) -> Result<Option<(PathBuf, Map)>, CloudError> {
    let named = environment.variable(variable).map(|named| environment.working_folder.join(named));
    let places =
        folders.iter().flat_map(|folder| ENDINGS.map(|ending| folder.join(format!("{stem}.{ending}"))));
    for file in named.iter().cloned().chain(places) {
        let is_named = named.as_ref() == Some(&file);
        match (environment.read)(&file) {
            Ok(bytes) => return Ok(Some((file.clone(), content(&file, bytes)?))),
            Err(error) if error.kind() == ErrorKind::NotFound && is_named => {
                return Err(CloudError::Missing { variable, file });
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // As openstacksdk does: a folder that is not for this user is no folder.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !is_named => {}
            Err(error) => return Err(CloudError::Unreadable { file, error: error.to_string() }),
        }
    }
    Ok(None)
}

/// What a file says.
fn content(file: &Path, bytes: Vec<u8>) -> Result<Map, CloudError> {
    let invalid = |message: String| CloudError::Invalid { file: file.to_owned(), message };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(invalid(format!("larger than {FILE_BYTES_MAX} bytes; remove what is no cloud")));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| invalid("not UTF-8 text; save it as UTF-8".to_owned()))?;
    let tree = if file.extension().is_some_and(|ending| ending == "json") {
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| invalid(format!("not valid JSON: {error}; correct it")))?;
        Some(Tree::from(value))
    } else {
        let node = yaml::parse(&text)
            .map_err(|problem| invalid(format!("{}: {}", problem.place, problem.message)))?;
        node.map(Tree::from)
    };
    match tree {
        None | Some(Tree::Nothing) => Ok(Map::new()),
        Some(Tree::Map(map)) => Ok(map),
        Some(other) => {
            Err(invalid(format!("found {}; expected a mapping with the key `clouds`", other.kind())))
        }
    }
}

/// Refuses clouds that are none.
fn check(file: &Path, content: &Map) -> Result<(), CloudError> {
    let wrong = |key: &str, found: &Tree| {
        let message = format!("{key}: found {}; expected a mapping", found.kind());
        Err(CloudError::Invalid { file: file.to_owned(), message })
    };
    let clouds = match content.get("clouds") {
        None | Some(Tree::Nothing) => return Ok(()),
        Some(Tree::Map(clouds)) => clouds,
        Some(other) => return wrong("clouds", other),
    };
    for (name, cloud) in clouds {
        if !matches!(cloud, Tree::Map(_) | Tree::Nothing) {
            return wrong(&format!("clouds.{name}"), cloud);
        }
    }
    Ok(())
}

/// The keys of the cloud that the variables make, if they make one.
fn variables(environment: &Environment<'_>) -> Option<Map> {
    let all = environment.variables.iter().filter(|(name, _)| {
        name.starts_with("OS_") && !FOREIGN.iter().any(|beginning| name.starts_with(beginning))
    });
    if all.clone().all(|(name, _)| SELECTORS.contains(&name.as_str())) {
        return None;
    }
    let key = |name: &str| name.strip_prefix("OS_").unwrap_or(name).to_lowercase();
    // OS_CLOUD chooses; in the file, the key `cloud` would be the name of a vendor.
    let keys = all.filter(|(name, _)| !matches!(name.as_str(), "OS_CLOUD" | "OS_CLOUD_NAME"));
    Some(keys.map(|(name, value)| (key(name), Tree::Text(value.clone()))).collect())
}
