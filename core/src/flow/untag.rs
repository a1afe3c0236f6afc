use super::store_refusal;
use crate::exchange::{Cx, Event, Slot};
use crate::oci::{Digest, Refusal, Repository, Tag};
use crate::record::{MANIFEST_LINE_BYTES_MAX, ManifestLine};
use crate::store::{Key, Listing, Op, Page, Reply};

/// Removes all tags that hold a manifest. The size of its record tells which tags to look into.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Untag {
    repository: Repository,
    digest: Digest,
    record_bytes: u64,
    /// Where the listing goes on; `None` after the last page.
    next: Option<Box<str>>,
    candidates: Vec<Tag>,
    looking: Vec<(Slot, Tag)>,
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
        cx: &mut Cx<'_>,
    ) -> Box<Self> {
        let untag = Self {
            repository,
            digest,
            record_bytes,
            next: None,
            candidates: Vec::new(),
            looking: Vec::new(),
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
                if let Some(tag) = self.looked(slot)
                    && holds
                {
                    self.removing.push(cx.send(Op::Remove { key: Key::Tag(self.repository.clone(), tag) }));
                }
                self.go_on(cx)
            }
            Event::Answered { slot, reply: Reply::Missing | Reply::Done | Reply::Damaged } => {
                self.looked(slot);
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
        if self.listing || !self.looking.is_empty() || !self.removing.is_empty() {
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

    fn looked(&mut self, slot: Slot) -> Option<Tag> {
        let at = self.looking.iter().position(|(waiting, _)| *waiting == slot)?;
        Some(self.looking.swap_remove(at).1)
    }
}

/// So many tags are listed at a time.
const ROWS_MAX: u32 = 1000;
