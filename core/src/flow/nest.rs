use std::sync::Arc;

use super::fit::{Fitted, name_of};
use super::store_refusal;
use crate::exchange::{Cx, Event, Slot};
use crate::store::{Key, Op, Part, Reply};
use crate::upload::UploadId;

/// Parts of which there are more than the store joins at once are joined in groups first, so that no byte is written
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Nest {
    upload: UploadId,
    parts: Arc<[Part]>,
    /// How many groups have been begun.
    begun: usize,
    /// Those that are being joined.
    joining: Vec<(Slot, usize)>,
    /// What comes of each group.
    groups: Vec<Option<Part>>,
}

impl Nest {
    pub(crate) fn is_due(parts: &[Part], cx: &Cx<'_>) -> bool {
        parts.len() > group_parts_max(cx)
    }

    pub(crate) fn start(upload: UploadId, parts: Arc<[Part]>, cx: &mut Cx<'_>) -> Self {
        let groups = vec![None; parts.len().div_ceil(group_parts_max(cx))];
        let mut nest = Self { upload, parts, begun: 0, joining: Vec::new(), groups };
        nest.begin(cx);
        nest
    }

    pub(crate) fn step(mut self, event: Event, cx: &mut Cx<'_>) -> Fitted<Self> {
        match event {
            Event::Answered { slot, reply: Reply::Written { md5 } } => {
                let Some(at) = self.joining.iter().position(|(joining, _)| *joining == slot) else {
                    return Fitted::Not(self);
                };
                let (_, group) = self.joining.swap_remove(at);
                if let Some(part) = &mut self.groups[group] {
                    part.md5 = md5;
                }
                self.begin(cx);
                if self.joining.is_empty() {
                    return Fitted::All(self.groups.into_iter().flatten().collect());
                }
                Fitted::Not(self)
            }
            Event::Answered { reply: Reply::Missing, .. } => {
                cx.close_all();
                Fitted::Gone
            }
            Event::Answered { reply, .. } => Fitted::Failed(store_refusal(&reply)),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Fitted::Not(self),
        }
    }

    /// Begins groups as long as there are any and calls are free.
    fn begin(&mut self, cx: &mut Cx<'_>) {
        let most = group_parts_max(cx);
        while self.begun < self.groups.len() && self.joining.len() < JOINS_MAX {
            let first = self.begun * most;
            let end = self.parts.len().min(first + most);
            let parts = &self.parts[first..end];
            self.groups[self.begun] = Some(match parts {
                [alone] => alone.clone(),
                parts => {
                    let pieces = parts.iter().map(|part| (&part.key, part.skip, part.length()));
                    let nonce = name_of("group", pieces);
                    let key = Key::Segment { upload: self.upload, number: end as u32, nonce };
                    let slot = cx.send(Op::Join { key: key.clone(), parts: parts.into() });
                    self.joining.push((slot, self.begun));
                    let size = parts.iter().map(Part::length).sum();
                    Part { key, size, skip: 0, md5: None }
                }
            });
            self.begun += 1;
        }
    }
}

fn group_parts_max(cx: &Cx<'_>) -> usize {
    cx.config.limits.joins.parts_max.max(1) as usize
}

/// So many groups are joined at once. For each, Swift looks at two parts at a time.
const JOINS_MAX: usize = 4;
