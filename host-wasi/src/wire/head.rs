use http::{HeaderMap, HeaderName, HeaderValue};
use wasip2::http::types::{Fields, Headers};

/// Fields as core reads them. What is no HTTP field is left out.
pub fn read_fields(fields: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields.entries() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value))
        {
            map.append(name, value);
        }
    }
    map
}

/// Fields as the world takes them. Those that it keeps to itself, such as Host and Connection, are left out.
pub(super) fn write_fields<'a>(
    fields: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Fields {
    let written = Fields::new();
    for (name, value) in fields {
        // A field that is refused is one that the world sets itself.
        let _ = written.append(name.as_str(), value.as_bytes());
    }
    written
}
