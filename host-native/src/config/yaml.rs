//! YAML as a tree that remembers where everything stood.
//!
//! Of YAML 1.2 this takes what a configuration file needs: mappings, lists, scalars. Anchors, aliases and
//! tags are refused: an alias can turn a few lines into gigabytes, and a tag can change what a value means.
//! Keys are scalars and occur once.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::error::{Place, Problem};

/// Deepest nesting of mappings and lists.
pub const DEPTH_MAX: usize = 16;

/// Most keys in one mapping.
pub const ENTRIES_MAX: usize = 1000;

/// A value and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A scalar; `plain` if it stood without quotes, so that `5000` is a number and `"5000"` is not.
    Scalar {
        /// The text, without quotes and escapes.
        text: String,
        /// Whether it stood without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the key starts.
    pub place: Place,
    /// The key.
    pub key: String,
    /// The value.
    pub node: Node,
}

/// Reads the one document in `text`; `None` if there is nothing but comments.
///
/// # Errors
/// The first [`Problem`] that makes it no document this reads.
pub fn parse(text: &str) -> Result<Option<Node>, Problem> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let (event, place) = reader.content()?;
    if event == Event::StreamEnd {
        return Ok(None);
    }
    let node = reader.node(event, place, 0)?;
    match reader.content()? {
        (Event::StreamEnd, _) => Ok(Some(node)),
        (_, place) => {
            Err(problem(place, "found a second document; expected one: remove the `---` before it"))
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    /// The next event that starts or ends a node, or ends the stream.
    fn content(&mut self) -> Result<(Event<'a>, Place), Problem> {
        loop {
            match self.parser.next_event() {
                None => return Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
                Some(Err(error)) => return Err(syntax(&error)),
                Some(Ok((Event::Nothing | Event::StreamStart | Event::DocumentStart(_), _))) => {}
                Some(Ok((Event::DocumentEnd, _))) => {}
                Some(Ok((event, span))) => return Ok((event, place(&span.start))),
            }
        }
    }

    /// The node that starts with `event`, `depth` levels down.
    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH_MAX {
            return Err(problem(
                place,
                &format!("nested more than {DEPTH_MAX} levels deep; write it flatter"),
            ));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_marks(place, anchor, tag.as_deref())?;
                Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_marks(place, anchor, tag.as_deref())?;
                self.list(depth)?
            }
            Event::MappingStart(anchor, tag) => {
                refuse_marks(place, anchor, tag.as_deref())?;
                self.mapping(depth)?
            }
            Event::Alias(_) => return Err(problem(place, "found an alias (*); write the value out")),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(problem(place, "the file ends early; complete it")),
        };
        Ok(Node { place, value })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut nodes = Vec::new();
        loop {
            match self.content()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(nodes)),
                (event, place) => nodes.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, place) = self.content()?;
            if event == Event::MappingEnd {
                return Ok(Value::Mapping(entries));
            }
            let Value::Scalar { text: key, .. } = self.node(event, place, depth + 1)?.value else {
                return Err(problem(place, "found a list or mapping as a key; expected a name"));
            };
            if entries.len() == ENTRIES_MAX {
                return Err(problem(
                    place,
                    &format!("more than {ENTRIES_MAX} keys in one mapping; remove some"),
                ));
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message =
                    format!("the key {key:?} stands in line {} already; remove one", first.place.line);
                return Err(problem(place, &message));
            }
            let (event, value_place) = self.content()?;
            let node = self.node(event, value_place, depth + 1)?;
            entries.push(Entry { place, key, node });
        }
    }
}

fn refuse_marks(place: Place, anchor: usize, tag: Option<&Tag>) -> Result<(), Problem> {
    if anchor != 0 {
        return Err(problem(
            place,
            "found an anchor (&); remove it and write the value out where it is used",
        ));
    }
    if tag.is_some() {
        return Err(problem(place, "found a tag (!); remove it"));
    }
    Ok(())
}

fn syntax(error: &ScanError) -> Problem {
    problem(place(error.marker()), &format!("not valid YAML: {}; correct it", error.info()))
}

fn problem(place: Place, message: &str) -> Problem {
    Problem { place, path: String::new(), message: message.to_owned() }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let problem = parse(text).expect_err(text);
        format!("{}: {}", problem.place, problem.message)
    }

    #[test]
    fn remembers_places_and_quotes() {
        let text = "# comment\nregistry:\n  port: 5000\n  secret: '5000'\n";
        let tree = parse(text).expect("reads").expect("holds something");
        let Value::Mapping(top) = tree.value else { panic!("a mapping") };
        let Value::Mapping(entries) = &top[0].node.value else { panic!("a mapping") };
        assert_eq!((entries[0].key.as_str(), entries[0].place), ("port", Place { line: 3, column: 3 }));
        assert_eq!(entries[0].node.place, Place { line: 3, column: 9 });
        assert_eq!(entries[0].node.value, Value::Scalar { text: "5000".into(), plain: true });
        assert_eq!(entries[1].node.value, Value::Scalar { text: "5000".into(), plain: false });
    }

    #[test]
    fn nothing_is_no_problem_and_lists_are_kept() {
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("# only a comment\n"), Ok(None));
        let Ok(Some(Node { value: Value::List(nodes), .. })) = parse("- a\n- [b]\n") else {
            panic!("a list")
        };
        assert_eq!(nodes[0].value, Value::Scalar { text: "a".into(), plain: true });
        assert!(matches!(&nodes[1].value, Value::List(inner) if inner.len() == 1));
    }

    #[test]
    fn refuses_what_a_configuration_does_not_need() {
        for (text, expected) in [
            ("a: &x 1\nb: 2\n", "1:4: found an anchor"),
            ("a: &x 1\nb: *x\n", "found an anchor"),
            ("a: *x\n", "unknown anchor"),
            ("a: !!str 1\n", "found a tag"),
            ("a: 1\nb: 2\na: 3\n", "3:1: the key \"a\" stands in line 1 already"),
            ("a: 1\n---\nb: 2\n", "found a second document"),
            ("? [1]\n: 2\n", "found a list or mapping as a key"),
            ("a: [1\n", "not valid YAML"),
            ("a: \"b\n", "not valid YAML"),
            ("a: b: c\n", "not valid YAML"),
            ("a:\n\tb: 1\n", "not valid YAML"),
        ] {
            let message = refused(text);
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn bounds_the_depth_in_every_style() {
        let flow = "[".repeat(100_000);
        let block: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        let compact = format!("{}x\n", "- ".repeat(1000));
        for text in [flow, block, compact, "{a: ".repeat(10_000), "? ".repeat(10_000)] {
            let message = refused(&text);
            assert!(message.contains("levels deep") || message.contains("not valid YAML"), "{message}");
        }
    }
}
