use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cloud::{self, Unfit};
use super::fates::{FATES, Fate, text, variable};
use super::locks::{self, Hashes};
use super::shell::{line, quoted, word};
use super::{EdgeError, Value, Variable, component};
use crate::clouds::{self, Cloud};
use crate::config::table::{Kind, SETTINGS};
use crate::config::{Driver, Settings};
use crate::secret::{self, Secret};
use crate::swift;

/// What the process is given beside its settings.
#[derive(Clone, Debug)]
pub struct Given {
    /// The configuration file, for messages.
    pub file: Option<String>,
    /// The component.
    pub component: String,
    /// Further flags of wasmtime.
    pub flags: Vec<String>,
    /// Whether a secret stands in the environment.
    pub has_secret: bool,
    /// The cloud of the swift driver.
    pub cloud: Option<Cloud>,
    /// Who stands in the file of users, if there is one.
    pub hashes: Option<Hashes>,
}

impl Given {
    /// Finds component, secret and cloud in the world of this process. A component that is named need not be there.
    ///
    /// # Errors
    /// There is no component or no cloud, or the file of users cannot be read.
    pub fn by_process(
        settings: &Settings,
        file: Option<&Path>,
        component: Option<String>,
        flags: Vec<String>,
    ) -> Result<Self, EdgeError> {
        let cloud = match settings.storage.driver {
            Driver::Filesystem => None,
            Driver::Swift => {
                let found = clouds::find_for_process(settings.storage.cloud.as_deref());
                Some(found.map_err(EdgeError::Cloud)?)
            }
        };
        let component = match component {
            Some(file) => file,
            None => component::find(std::env::current_exe().ok().as_deref())?,
        };
        let hashes = settings.locks.htpasswd.as_deref().map(locks::read_htpasswd).transpose()?;
        let file = file.map(|file| file.display().to_string());
        Ok(Self {
            file,
            component,
            flags,
            has_secret: std::env::var_os(SECRET).is_some_and(|text| !text.is_empty()),
            cloud,
            hashes,
        })
    }
}

/// What runs the component as the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the component is given.
    pub(super) variables: Vec<Variable>,
    /// The directory that is its store.
    pub(super) folder: Option<PathBuf>,
    /// How long running requests get to finish.
    pub(super) drain_time: Duration,
    component: String,
    /// The arguments of wasmtime, in lines.
    lines: Vec<Vec<String>>,
    warnings: Vec<String>,
}

impl Plan {
    /// Plans.
    ///
    /// # Errors
    /// The component cannot do what the settings or the cloud ask for.
    pub fn new(settings: &Settings, given: Given) -> Result<Self, EdgeError> {
        let mut warnings = unheeded(settings);
        warnings.extend(locks::warnings(settings));
        let mut errors = Vec::new();
        let open = locks::is_open(settings, address(&given.flags)).map_err(EdgeError::Exposure)?;
        let mut variables = variables(settings, &given, open);
        if let Some(cloud) = &given.cloud {
            let Unfit { errors: wrong, warnings: doubtful } = cloud::unfit(cloud);
            errors.extend(wrong);
            warnings.extend(doubtful);
            swift::check_login(cloud).map_err(|error| EdgeError::Login(Box::new(error)))?;
            variables.extend(cloud::variables(cloud));
        }
        let before = [String::new()].into_iter().chain(given.flags.iter().cloned());
        if before.zip(&given.flags).any(|(before, flag)| is_timeout(&before, flag)) {
            warnings.push("-Wtimeout cuts every push and pull that takes longer; leave it out".to_owned());
        }
        if given.has_secret && settings.secret.is_none() {
            warnings.push(format!(
                "{SECRET} of the environment has no effect: the secret in the directory counts; another one is registry.secret"
            ));
        }
        let folder = match settings.storage.driver {
            Driver::Filesystem => Some(settings.storage.root.clone()),
            Driver::Swift => None,
        };
        errors.extend(variables.iter().filter_map(wrong));
        errors.extend(folder.as_deref().and_then(wrong_folder));
        if !errors.is_empty() {
            return Err(EdgeError::Unfit(errors));
        }
        let lines = lines(settings, folder.as_deref(), &variables, &given);
        let drain_time = settings.limits.drain_time;
        Ok(Self { variables, folder, drain_time, component: given.component, lines, warnings })
    }

    /// What the configuration asks for in vain.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The arguments of wasmtime. There is no secret among them.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().flatten().map(String::as_str)
    }

    /// The same as text for a POSIX shell, with what it needs before, and without the values of secrets.
    ///
    /// # Errors
    /// The secret that is kept cannot be had or be handed over.
    pub fn print(&self) -> Result<String, EdgeError> {
        // In a shell of its own: an interactive one goes on after what fails, and keeps what is exported.
        let mut text = "( set -e\n".to_owned();
        if let Some(folder) = &self.folder {
            text.push_str(&format!("mkdir -p {}\n", word(&operand(folder))));
        }
        for Variable { name, value } in &self.variables {
            text.push_str(&match value {
                Value::Plain(value) => format!("export {name}={}\n", quoted(value)),
                Value::Secret { source, .. } => {
                    let source = line(source);
                    let message = source.replace(['`', '"', '\'', '\\', '$', '}'], "");
                    format!(
                        "# export {name}=...    {source}\n: \"${{{name}:?is {message}: export it first}}\"\n"
                    )
                }
                Value::Kept(folder) => print_kept(name, folder)?,
            });
        }
        text.push_str("exec env RUST_BACKTRACE=0 wasmtime");
        for (number, line) in self.lines.iter().enumerate() {
            text.push_str(if number == 0 { " " } else { " \\\n  " });
            text.push_str(&line.iter().map(|argument| word(argument)).collect::<Vec<_>>().join(" "));
        }
        text.push_str("\n)\n");
        Ok(text)
    }

    /// Whether the component is there.
    pub(super) fn check_component(&self) -> Result<(), EdgeError> {
        if Path::new(&self.component).is_file() {
            return Ok(());
        }
        Err(EdgeError::NoComponent(self.component.clone()))
    }
}

/// The secret that is kept in this directory, made where it is missing, as text.
pub(super) fn kept(folder: &Path) -> Result<String, EdgeError> {
    let secret = secret::load_or_create(folder).map_err(EdgeError::Secret)?;
    let text = secret.as_text().map(str::to_owned);
    text.ok_or_else(|| EdgeError::Bytes(folder.join(secret::FILE_NAME)))
}

/// Lines that set the secret that is kept, and make it where it is missing as [`secret::load_or_create`] would.
fn print_kept(name: &str, folder: &Path) -> Result<String, EdgeError> {
    let path = folder.join(secret::FILE_NAME);
    if path.exists() {
        kept(folder)?;
    }
    let made = format!("{}$$", word(&operand(&folder.join(format!("{}.new-", secret::FILE_NAME)))));
    let path = word(&operand(&path));
    let make = r"head -c 24 /dev/urandom | base64 | tr -d '\n'";
    // By a link: whoever looks sees all of it or nothing, and the first one wins.
    let keep = format!("{make} >{made} && ln {made} {path}; rm -f {made}");
    Ok(format!("[ -e {path} ] || (umask 077; {keep})\n{name}=\"$(cat {path})\"\nexport {name}\n"))
}

/// What is set to something else than the default, and heeded by nobody.
fn unheeded(settings: &Settings) -> Vec<String> {
    let changed = changed(settings);
    let reasons = FATES.iter().filter_map(|(path, fate)| match fate {
        Fate::Unheeded(reason) if changed.contains(path) => Some(format!("{path} has no effect: {reason}")),
        Fate::Unheeded(_) | Fate::Variable | Fate::Launcher => None,
    });
    reasons.collect()
}

/// The paths of all settings that differ from their defaults.
fn changed(settings: &Settings) -> Vec<&'static str> {
    let mut settings = settings.clone();
    // What the driver changes by itself is not asked for; the driver is.
    let mut defaults = Settings::default_for(settings.storage.driver);
    defaults.storage.driver = Settings::default().storage.driver;
    let differs = SETTINGS
        .iter()
        .filter(|setting| text(&setting.kind, &mut settings) != text(&setting.kind, &mut defaults));
    differs.map(|setting| setting.path).collect()
}

/// The component's own variables: what differs from its defaults, and the secret in any case.
fn variables(settings: &Settings, given: &Given, open: bool) -> Vec<Variable> {
    let changed = changed(settings);
    let mut all = settings.clone();
    let mut variables = Vec::new();
    for (setting, (path, fate)) in SETTINGS.iter().zip(FATES) {
        if *fate != Fate::Variable {
            continue;
        }
        if matches!(setting.kind, Kind::Secret { .. }) {
            variables.push(Variable { name: variable(path), value: sealing(settings, given) });
        } else if let Some((text, source)) = hidden(&setting.kind, path, settings, given) {
            let file = given.file.as_deref().unwrap_or("the configuration file");
            let source = format!("{source} of {file}, as JSON");
            let secret = Secret::from_phrase(&text);
            variables.push(Variable { name: variable(path), value: Value::Secret { secret, source } });
        } else if *path == "registry.open-to-all" {
            variables.extend(open.then(|| Variable::plain(&variable(path), "true".to_owned())));
        } else if let Some(value) = text(&setting.kind, &mut all).filter(|_| changed.contains(path)) {
            variables.push(Variable::plain(&variable(path), value));
        }
    }
    variables
}

/// What is set, as JSON, if not all of it may be shown, and where it stands.
fn hidden(kind: &Kind, path: &str, settings: &Settings, given: &Given) -> Option<(String, String)> {
    let mut settings = settings.clone();
    if let Kind::Secrets { field, .. } = kind {
        return Some((locks::old_secrets(field(&mut settings))?, path.to_owned()));
    }
    let Kind::List { secret: true, .. } = kind else { return None };
    let users = locks::users(&settings, given.hashes.as_ref())?;
    let file = if given.hashes.is_some() { " with registry.htpasswd" } else { "" };
    Some((users, format!("{path}{file}")))
}

/// The sealing secret: of the file, or kept in the directory, as the native server does.
fn sealing(settings: &Settings, given: &Given) -> Value {
    match &settings.secret {
        Some(secret) => {
            let file = given.file.as_deref().unwrap_or("the configuration file");
            Value::Secret { secret: secret.clone(), source: format!("registry.secret of {file}") }
        }
        None => Value::Kept(settings.storage.root.clone()),
    }
}

/// What is wrong with a value, if it is.
fn wrong(Variable { name, value }: &Variable) -> Option<String> {
    let length = match value {
        Value::Plain(text) => text.len(),
        Value::Secret { secret, .. } => secret.as_bytes().len(),
        Value::Kept(_) => 0,
    };
    if name.len() + 1 + length > VARIABLE_BYTES_MAX {
        return Some(format!(
            "{name} would be longer than the environment of a process takes ({VARIABLE_BYTES_MAX} bytes); have fewer entries, \
             or run `wharfinger serve`"
        ));
    }
    match value {
        Value::Plain(text) => {
            text.contains('\0').then(|| format!("{name} cannot hold the character NUL; remove it"))
        }
        Value::Secret { secret, source } if secret.as_text().is_none() => {
            Some(format!("{name} cannot hold the character NUL; remove it from {source}"))
        }
        Value::Secret { .. } | Value::Kept(_) => None,
    }
}

/// What is wrong with the directory's name, if it is: wasmtime ends it at the first `::`.
fn wrong_folder(folder: &Path) -> Option<String> {
    let fits = |text: &str| !text.contains("::") && !text.ends_with(':') && !text.contains('\0');
    if folder.to_str().is_some_and(fits) {
        return None;
    }
    Some(format!(
        "--data or registry.storage.root: wasmtime takes no directory with such a name: {}; choose one of UTF-8 without `::`, \
         and without `:` at its end",
        folder.display()
    ))
}

/// The arguments of wasmtime, as they stand in lines.
fn lines(
    settings: &Settings,
    folder: Option<&Path>,
    variables: &[Variable],
    given: &Given,
) -> Vec<Vec<String>> {
    let with = |flag: &str, value: String| match given.flags.iter().any(|other| is(other, flag)) {
        // It takes each of these once, and theirs is the one that is meant.
        true => Vec::new(),
        false => vec![flag.to_owned(), value],
    };
    let mut first = vec!["serve".to_owned(), "-Scli".to_owned()];
    first.extend(with(ADDRESS, settings.listen().to_string()));
    let mut instances = with("--max-instance-reuse-count", REUSE_COUNT.to_string());
    instances.extend(with("--idle-instance-timeout", format!("{IDLE_SECONDS}s")));
    instances.push(format!("-Wmax-memory-size={}", memory_bytes(settings.limits.collected_bytes)));
    let mut lines = vec![first, instances];
    if let Some(folder) = folder {
        lines.push(vec!["--dir".to_owned(), format!("{}::/data", operand(folder))]);
    }
    let names = |variable: &Variable| ["--env".to_owned(), variable.name.clone()];
    lines.extend(variables.chunks(NAMES_PER_LINE).map(|some| some.iter().flat_map(names).collect()));
    lines.push(given.flags.clone());
    lines.push(vec![operand(Path::new(&given.component))]);
    lines.retain(|line| !line.is_empty());
    lines
}

/// A path that is not taken for a flag.
fn operand(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.starts_with('-') { format!("./{text}") } else { text.into_owned() }
}

/// Whether an argument is this flag, with or without its value.
fn is(argument: &str, flag: &str) -> bool {
    argument.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// Where a flag has wasmtime listen, if one does.
fn address(flags: &[String]) -> Option<&str> {
    let at = flags.iter().position(|flag| is(flag, ADDRESS))?;
    let value = flags[at].strip_prefix(ADDRESS)?.strip_prefix('=');
    value.or_else(|| flags.get(at + 1).map(String::as_str)).or(Some(""))
}

/// Whether an argument limits the time of a request; `before` is the one before it.
fn is_timeout(before: &str, argument: &str) -> bool {
    let options = match before {
        "-W" | "--wasm" => Some(argument),
        _ => argument.strip_prefix("--wasm=").or(argument.strip_prefix("-W")),
    };
    let options = options.map(|options| options.trim_start_matches('='));
    options.is_some_and(|options| options.split(',').any(|option| option.starts_with("timeout=")))
}

/// The memory of an instance, bytes: what the default limits need, and twice what it may collect beyond them, since a body
/// that grows is copied.
fn memory_bytes(collected_bytes: u64) -> u64 {
    let more = collected_bytes.saturating_sub(Settings::default().limits.collected_bytes);
    MEMORY_BYTES.saturating_add(more.saturating_mul(2)).min(MEMORY_BYTES_MAX)
}

/// The flag that has wasmtime listen somewhere.
const ADDRESS: &str = "--addr";

/// What Linux takes of one variable, its name included (MAX_ARG_STRLEN, without the NUL at the end).
const VARIABLE_BYTES_MAX: usize = (128 << 10) - 1;

/// The component's variable for the sealing secret.
const SECRET: &str = "WHARFINGER_SECRET";

/// Requests that an instance serves, one after the other, before its memory is given back.
const REUSE_COUNT: u32 = 1000;

/// How long an instance waits for its next request.
const IDLE_SECONDS: u32 = 10;

/// The memory of an instance with the default limits.
const MEMORY_BYTES: u64 = 256 << 20;

/// All that an instance can address.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

const NAMES_PER_LINE: usize = 3;

#[cfg(test)]
mod tests;
