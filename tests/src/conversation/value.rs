//! What the names of a conversation stand for, and how `${...}` is filled in.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256, Sha512};

/// The named bodies and captures of one conversation.
#[derive(Clone, Debug, Default)]
pub struct Values {
    by_name: BTreeMap<String, Vec<u8>>,
}

impl Values {
    /// Gives `name` a value, in place of an earlier one.
    pub fn set(&mut self, name: &str, bytes: Vec<u8>) {
        self.by_name.insert(name.to_owned(), bytes);
    }

    /// Fills in every `${...}` of a template. What is wrong with it is said in the error.
    pub fn fill(&self, template: &str) -> Result<Vec<u8>, String> {
        let mut filled = Vec::new();
        let mut rest = template;
        while let Some(start) = rest.find("${") {
            filled.extend_from_slice(&rest.as_bytes()[..start]);
            let Some(length) = rest[start..].find('}') else {
                return Err(format!("`${{` without its `}}` in `{rest}`"));
            };
            filled.extend(self.term(&rest[start + 2..start + length])?);
            rest = &rest[start + length + 1..];
        }
        filled.extend_from_slice(rest.as_bytes());
        Ok(filled)
    }

    /// Fills in a template that has to come out as text (a target, a header).
    pub fn fill_text(&self, template: &str) -> Result<String, String> {
        String::from_utf8(self.fill(template)?)
            .map_err(|_| format!("`{template}` does not come out as text; use it as a body only"))
    }

    /// The value of what stands between the braces: a name, then functions or a slice.
    fn term(&self, term: &str) -> Result<Vec<u8>, String> {
        let name_length = term.find(['.', '[']).unwrap_or(term.len());
        let (name, mut rest) = term.split_at(name_length);
        let mut value = self
            .by_name
            .get(name)
            .cloned()
            .ok_or_else(|| format!("`{name}` is not defined before this line"))?;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let end = inside.find(']').ok_or_else(|| format!("`[` without `]` in `{term}`"))?;
                value = slice(&value, &inside[..end])?;
                rest = &inside[end + 1..];
            } else if let Some(after) = rest.strip_prefix('.') {
                let length = after.find(['.', '[']).unwrap_or(after.len());
                value = apply(&value, &after[..length])?;
                rest = &after[length..];
            } else {
                return Err(format!("`{term}`: expected `.function` or `[first-last]` at `{rest}`"));
            }
        }
        Ok(value)
    }
}

/// How a `let` makes a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maker {
    /// No byte at all.
    Empty,
    /// Bytes that look random and are the same for the same seed.
    Random {
        /// How many bytes.
        size: usize,
        /// Where the sequence starts.
        seed: u64,
    },
    /// A text repeated.
    Times {
        /// How often.
        count: usize,
        /// The template that is repeated.
        text: String,
    },
    /// The rest of the line, as it stands.
    Text(String),
    /// The same, and it must be JSON.
    Json(String),
}

impl Maker {
    /// Reads what stands after `let NAME =`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let words: Vec<&str> = text.split_whitespace().collect();
        match (word, words.as_slice()) {
            ("empty", [_]) => Ok(Self::Empty),
            ("random", [_, size, "seed", seed]) => {
                Ok(Self::Random { size: number(size)?, seed: number(seed)? as u64 })
            }
            ("text", _) => Ok(Self::Text(rest.to_owned())),
            ("json", _) => Ok(Self::Json(rest.to_owned())),
            (count, [_, "times", ..]) => {
                let text = rest.trim_start().trim_start_matches("times").trim_start();
                Ok(Self::Times { count: number(count)?, text: text.to_owned() })
            }
            _ => Err(format!(
                "`{text}` makes nothing; write `empty`, `random SIZE seed N`, `N times TEXT`, `text ...` or `json ...`"
            )),
        }
    }

    /// Makes the body.
    pub fn make(&self, values: &Values) -> Result<Vec<u8>, String> {
        match self {
            Self::Empty => Ok(Vec::new()),
            Self::Random { size, seed } => Ok(random(*size, *seed)),
            Self::Times { count, text } => Ok(values.fill(text)?.repeat(*count)),
            Self::Text(text) => values.fill(text),
            Self::Json(text) => {
                let bytes = values.fill(text)?;
                match serde_json::from_slice::<serde_json::Value>(&bytes) {
                    Ok(_) => Ok(bytes),
                    Err(error) => {
                        Err(format!("not JSON once filled in: {error}; use `text` for broken JSON"))
                    }
                }
            }
        }
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

/// The bytes of splitmix64, so that a size and a seed name the same content everywhere.
fn random(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// `first-last`, both included as in HTTP; an open end is written `first-`.
fn slice(value: &[u8], range: &str) -> Result<Vec<u8>, String> {
    let (first, last) = range.split_once('-').ok_or_else(|| format!("`[{range}]` is not `[first-last]`"))?;
    let first = number(first)?;
    let end = if last.is_empty() { value.len() } else { number(last)? + 1 };
    value
        .get(first..end)
        .map(<[u8]>::to_vec)
        .ok_or_else(|| format!("`[{range}]` reaches beyond the {} bytes there are", value.len()))
}

fn apply(value: &[u8], function: &str) -> Result<Vec<u8>, String> {
    let text = || std::str::from_utf8(value).map_err(|_| format!("`.{function}` needs text, not bytes"));
    Ok(match function {
        "size" => value.len().to_string().into_bytes(),
        "last" => match value.len().checked_sub(1) {
            Some(last) => last.to_string().into_bytes(),
            None => return Err("`.last` of an empty body: it has no last byte".to_owned()),
        },
        "sha256" => format!("sha256:{}", hex(&Sha256::digest(value))).into_bytes(),
        "sha512" => format!("sha512:{}", hex(&Sha512::digest(value))).into_bytes(),
        "hex" => text()?.rsplit(':').next().unwrap_or_default().as_bytes().to_vec(),
        "path" => text()?.split('?').next().unwrap_or_default().as_bytes().to_vec(),
        "query" => text()?.split_once('?').map_or("", |(_, query)| query).as_bytes().to_vec(),
        "link" => match text()?.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((link, _)) => link.as_bytes().to_vec(),
            None => return Err("`.link` needs a value of the form `<link>; ...`".to_owned()),
        },
        "upload" => match text()?.split_once("/blobs/uploads/") {
            Some((_, upload)) => upload.as_bytes().to_vec(),
            None => return Err("`.upload` needs a URL with /blobs/uploads/ in it".to_owned()),
        },
        "reversed" => map_pairs(text()?, |pairs| pairs.reverse()).into_bytes(),
        "escaped" => map_pairs(text()?, |pairs| pairs.iter_mut().for_each(|pair| *pair = escape_value(pair)))
            .into_bytes(),
        "altered" => altered(text()?)?.into_bytes(),
        "token" => {
            let body: Option<serde_json::Value> = serde_json::from_slice(value).ok();
            let token = body.as_ref().and_then(|body| body["token"].as_str());
            token.ok_or("`.token` needs JSON with a text `token`")?.as_bytes().to_vec()
        }
        "refresh" => {
            let body: Option<serde_json::Value> = serde_json::from_slice(value).ok();
            let token = body.as_ref().and_then(|body| body["refresh_token"].as_str());
            token.ok_or("`.refresh` needs JSON with a text `refresh_token`")?.as_bytes().to_vec()
        }
        _ => {
            return Err(format!(
                "`.{function}` is unknown; there are .size .last .sha256 .sha512 .hex .path .query .link .upload .reversed .escaped .altered .token .refresh"
            ));
        }
    })
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Changes the pairs of a query: of the one after `?`, or of the whole text when there is no `?`.
fn map_pairs(text: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (Some(path), query),
        None => (None, text),
    };
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    change(&mut pairs);
    let query = pairs.join("&");
    path.map_or(query.clone(), |path| format!("{path}?{query}"))
}

/// Percent-encodes every byte of a pair's value, also those that need no escape: it must mean the same.
fn escape_value(pair: &str) -> String {
    let Some((key, value)) = pair.split_once('=') else { return pair.to_owned() };
    let mut decoded = Vec::new();
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let escape: Vec<u8> = if byte == b'%' { bytes.clone().take(2).collect() } else { Vec::new() };
        match std::str::from_utf8(&escape).ok().and_then(|text| u8::from_str_radix(text, 16).ok()) {
            Some(escaped) => {
                decoded.push(escaped);
                bytes.nth(1);
            }
            None => decoded.push(byte),
        }
    }
    let escaped: String = decoded.iter().map(|byte| format!("%{byte:02X}")).collect();
    format!("{key}={escaped}")
}

/// Changes one letter or digit in the middle of the longest query value, or of the path's last part.
fn altered(text: &str) -> Result<String, String> {
    let longest = text
        .split_once('?')
        .map(|(_, query)| query)
        .and_then(|query| query.split('&').max_by_key(|pair| pair.len()))
        .or_else(|| text.rsplit('/').next())
        .unwrap_or_default();
    let value = longest.split_once('=').map_or(longest, |(_, value)| value);
    let start = value.as_ptr() as usize - text.as_ptr() as usize;
    let middle = start + value.len() / 2;
    let offset = text.as_bytes()[middle..]
        .iter()
        .position(u8::is_ascii_alphanumeric)
        .ok_or_else(|| format!("`{text}` has no letter to alter"))?;
    let mut bytes = text.as_bytes().to_vec();
    bytes[middle + offset] = if bytes[middle + offset] == b'0' { b'1' } else { b'0' };
    String::from_utf8(bytes).map_err(|_| "only ASCII can be altered".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("abc", b"abc".to_vec());
        values.set("none", Vec::new());
        values.set("next", b"</v2/x?n=1>; rel=\"next\"".to_vec());
        values.set("url", b"/v2/r/blobs/uploads/u1?b=x%2Fy&a=0123456789".to_vec());
        values
    }

    fn filled(template: &str) -> String {
        values().fill_text(template).expect(template)
    }

    #[test]
    fn a_body_is_named_by_digest_and_size() {
        assert_eq!(filled("<${abc}> ${abc.size} ${abc.last} ${abc[1-]} ${abc[0-1]}"), "<abc> 3 2 bc ab");
        assert_eq!(
            filled("${abc.sha256}"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(filled("${abc.sha512}").starts_with("sha512:ddaf35a193617abacc417349ae204131"));
        assert_eq!(filled("${abc.sha256.hex}").len(), 64);
    }

    #[test]
    fn a_url_is_taken_apart_and_rewritten() {
        assert_eq!(filled("${url.path}"), "/v2/r/blobs/uploads/u1");
        assert_eq!(filled("${next.link}"), "/v2/x?n=1");
        assert_eq!(filled("${url.upload}"), "u1?b=x%2Fy&a=0123456789");
        assert_eq!(filled("${url.query.reversed}"), "a=0123456789&b=x%2Fy");
        assert_eq!(
            filled("${url.reversed.escaped}"),
            format!("/v2/r/blobs/uploads/u1?a={}&b=%78%2F%79", {
                (0..10).map(|digit| format!("%3{digit}")).collect::<String>()
            })
        );
        assert_eq!(filled("${url.altered}"), "/v2/r/blobs/uploads/u1?b=x%2Fy&a=0123406789");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for template in [
            "${abc",
            "${nobody}",
            "${abc.length}",
            "${abc[2-9]}",
            "${abc[x-2]}",
            "${none.last}",
            "${abc.upload}",
            "${abc.link}",
        ] {
            assert!(values().fill(template).is_err(), "{template}");
        }
    }

    #[test]
    fn makers_make_what_they_say() {
        let make = |text: &str| Maker::parse(text).and_then(|maker| maker.make(&values()));
        assert_eq!(make("empty"), Ok(Vec::new()));
        assert_eq!(make("3 times ${abc},"), Ok(b"abc,abc,abc,".to_vec()));
        assert_eq!(make("text a  b"), Ok(b"a  b".to_vec()));
        assert_eq!(make("json {\"a\":\n  \"${abc}\"}"), Ok(b"{\"a\":\n  \"abc\"}".to_vec()));
        assert_eq!(make("random 20 seed 1").expect("random").len(), 20);
        assert_ne!(make("random 20 seed 1"), make("random 20 seed 2"));
        for wrong in ["json {", "random 20", "lots", "empty 3", "x times y", "3times y"] {
            assert!(make(wrong).is_err(), "{wrong}");
        }
    }
}
