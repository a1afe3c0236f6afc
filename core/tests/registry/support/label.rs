use wharfinger_core::store::{Key, Listing, Op};

/// An op in few words, so that a list of them reads like a sentence.
pub fn label(op: &Op) -> String {
    match op {
        Op::Read { key, range: None, .. } => format!("Read {}", noun(key)),
        Op::Read { key, range: Some(range), if_match } => {
            let same = if if_match.is_some() { " of the same" } else { "" };
            format!("Read {} {}-{}{same}", noun(key), range.first(), range.last())
        }
        Op::Stat { key } => format!("Stat {}", noun(key)),
        Op::Write { key, create_only: false } => format!("Write {}", noun(key)),
        Op::Write { key, create_only: true } => format!("Write new {}", noun(key)),
        Op::Join { key, parts } => format!("Join {} of {}", noun(key), parts.len()),
        Op::Copy { from, to } => format!("Copy {} to {}", noun(from), noun(to)),
        Op::Touch { key } => format!("Touch {}", noun(key)),
        Op::Release { parts } => format!("Release {}", parts.len()),
        Op::Remove { key } => format!("Remove {}", noun(key)),
        Op::List { listing, .. } => format!("List {}", listed(listing)),
    }
}

fn noun(key: &Key) -> String {
    match key {
        Key::Blob(_) => "blob".to_owned(),
        Key::Segment { number, .. } => format!("segment {number}"),
        Key::SegmentList { number, .. } => format!("list {number}"),
        Key::Link(repository, _) => format!("link {repository}"),
        Key::Manifest(..) => "manifest".to_owned(),
        Key::Tag(_, tag) => format!("tag {}", tag.as_str()),
        Key::Referrer { .. } => "referrer".to_owned(),
    }
}

fn listed(listing: &Listing) -> &'static str {
    match listing {
        Listing::Repositories => "repositories",
        Listing::Manifests(_) => "manifests",
        Listing::Links(_) => "links",
        Listing::Tags(_) => "tags",
        Listing::Referrers(..) => "referrers",
        Listing::Names { .. } => "names",
    }
}
