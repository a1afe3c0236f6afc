use std::path::Path;

use super::EdgeError;

const NAME: &str = "wharfinger_wasi.wasm";

/// Where builds put it, from the top of the sources.
const BUILT: [&str; 2] = ["target/wasi/wasm32-wasip2/release", "target/wasm32-wasip2/release"];

/// The component: beside the running binary, in the working directory, or where it is built.
///
/// # Errors
/// It is nowhere.
pub fn find(binary: Option<&Path>) -> Result<String, EdgeError> {
    let beside =
        binary.and_then(Path::parent).and_then(|folder| folder.join(NAME).to_str().map(str::to_owned));
    let built = BUILT.map(|folder| format!("{folder}/{NAME}"));
    let places: Vec<String> = beside.into_iter().chain([NAME.to_owned()]).chain(built).collect();
    let found = places.iter().find(|place| Path::new(place).is_file()).cloned();
    found.ok_or(EdgeError::Nowhere(places))
}
