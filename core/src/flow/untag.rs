use super::listing::ROWS_MAX;
use super::store_refusal;
use crate::exchange::{Cx, Event, Slot};
use crate::oci::{Digest, Refusal, Repository, Tag};
use crate::record::{MANIFEST_LINE_BYTES_MAX, ManifestLine};
use crate::store::{Key, Listing, Op, Page, Reply};

/// Removes all tags that hold a manifest. The size of its record tells which tags to look into.
///
/// After the manifest was removed, a tag that holds it may be that of a push which came later: it stays if the manifest
/// is there again. A push writes its manifest before its tags, so that what is looked for after the tag cannot be missed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Untag {
    repository: Repository,
    digest: Digest,
    record_bytes: u64,
    /// The manifest was removed before.
    after_removal: bool,
    /// Where the listing goes on; `None` after the last page.
    next: Option<Box<str>>,
    candidates: Vec<Tag>,
    looking: Vec<(Slot, Tag)>,
    /// Tags that hold the manifest, while it is looked for.
    doubting: Vec<(Slot, Tag)>,
    removing: Vec<Slot>,
    listing: bool,
}

/// How an [`Untag`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Untagged {
    /// Answers are missing.
    Not(Box<Untag>),
    /// No tag holds the manifest.
    All,
    /// It could not be done.
    Failed(Refusal),
}

impl Untag {
    pub(crate) fn start(
        repository: Repository,
        digest: Digest,
        record_bytes: u64,
        after_removal: bool,
        cx: &mut Cx<'_>,
    ) -> Box<Self> {
        let untag = Self {
            repository,
            digest,
            record_bytes,
            after_removal,
            next: None,
            candidates: Vec::new(),
            looking: Vec::new(),
            doubting: Vec::new(),
            removing: Vec::new(),
            listing: true,
        };
        untag.list(None, cx);
        Box::new(untag)
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Untagged {
        match event {
            Event::Answered { reply: Reply::Page(page), .. } => self.listed(page, cx),
            Event::Read { slot, bytes, .. } => {
                cx.close(slot);
                let holds = ManifestLine::read(&bytes).is_some_and(|line| line.digest == self.digest);
                match taken(&mut self.looking, slot).filter(|_| holds) {
                    Some(tag) if self.after_removal => {
                        let manifest = Key::Manifest(self.repository.clone(), self.digest);
                        self.doubting.push((cx.send(Op::Stat { key: manifest }), tag));
                    }
                    Some(tag) => self.remove(tag, cx),
                    None => {}
                }
                self.go_on(cx)
            }
            Event::Answered { slot, reply: reply @ (Reply::Found(_) | Reply::Missing) }
                if self.doubting.iter().any(|(waiting, _)| *waiting == slot) =>
            {
                if let Some(tag) = taken(&mut self.doubting, slot).filter(|_| reply == Reply::Missing) {
                    self.remove(tag, cx);
                }
                self.go_on(cx)
            }
            Event::Answered { slot, reply: Reply::Missing | Reply::Done | Reply::Damaged }
                if self.doubting.iter().all(|(waiting, _)| *waiting != slot) =>
            {
                taken(&mut self.looking, slot);
                self.removing.retain(|removing| *removing != slot);
                self.go_on(cx)
            }
            Event::Answered { reply, .. } => Untagged::Failed(store_refusal(&reply)),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Untagged::Not(self),
        }
    }

    fn list(&self, after: Option<Box<str>>, cx: &mut Cx<'_>) {
        cx.send(Op::List { listing: Listing::Tags(self.repository.clone()), after, limit: ROWS_MAX });
    }

    fn listed(mut self: Box<Self>, page: Page, cx: &mut Cx<'_>) -> Untagged {
        self.listing = false;
        self.next = page.rows.last().filter(|_| page.more).map(|row| row.name.clone());
        let holders = page.rows.iter().filter(|row| row.size == self.record_bytes);
        self.candidates = holders.filter_map(|row| Tag::parse(&row.name).ok()).collect();
        self.go_on(cx)
    }

    fn go_on(mut self: Box<Self>, cx: &mut Cx<'_>) -> Untagged {
        while cx.free_calls() >= 1
            && let Some(tag) = self.candidates.pop()
        {
            let slot = cx.read_line(Key::Tag(self.repository.clone(), tag.clone()), MANIFEST_LINE_BYTES_MAX);
            self.looking.push((slot, tag));
        }
        let idle = self.looking.is_empty() && self.doubting.is_empty() && self.removing.is_empty();
        if self.listing || !idle {
            return Untagged::Not(self);
        }
        match self.next.take() {
            Some(after) => {
                self.list(Some(after), cx);
                self.listing = true;
                Untagged::Not(self)
            }
            None => Untagged::All,
        }
    }

    fn remove(&mut self, tag: Tag, cx: &mut Cx<'_>) {
        let key = Key::Tag(self.repository.clone(), tag);
        self.removing.push(cx.send(Op::Remove { key }));
    }
}

/// Takes the tag that waits for this call.
fn taken(waiting: &mut Vec<(Slot, Tag)>, slot: Slot) -> Option<Tag> {
    let at = waiting.iter().position(|(waiting, _)| *waiting == slot)?;
    Some(waiting.swap_remove(at).1)
}
