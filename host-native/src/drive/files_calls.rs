use wharfinger_core::exchange::{CallId, Input};
use wharfinger_core::store::{Fault, Op};
use wharfinger_core::transfer::Source;

use super::calls::Write;
use super::{Drive, News, pump};
use crate::files::Files;

impl Drive<'_> {
    /// Carries out any op but a Write.
    pub(super) fn send_to_files(&mut self, files: &Files, call: CallId, op: Op) {
        if Files::is_quick(&op) {
            let input = self.calls.answered(call, files.carry_out(&op));
            self.inbox.push_back(input);
            return;
        }
        let files = files.clone();
        let work = async move {
            let answer = smol::unblock(move || files.carry_out(&op)).await;
            News::Answered { call, fed: None, answer }
        };
        self.work.push((Some(call), Box::pin(work)));
    }

    /// Moves the body of a Write.
    pub(super) fn feed_to_files(
        &mut self,
        files: &Files,
        call: CallId,
        write: Write,
        body: Source,
        last: bool,
    ) {
        let files = files.clone();
        match body {
            Source::Empty => {
                let work = pump::store_bytes(files, call, write, bytes::Bytes::new());
                self.work.push((Some(call), Box::pin(work)));
            }
            Source::Bytes(bytes) => {
                self.work.push((Some(call), Box::pin(pump::store_bytes(files, call, write, bytes))));
            }
            Source::Client { take, tap } => {
                let client = self.client.clone();
                let blocks = self.registry.blocks;
                let work = pump::store_client(files, client, call, write, take, tap, blocks, last);
                self.work.push((Some(call), Box::pin(work)));
            }
            // No flow copies from one object to another through a host.
            Source::Backend { .. } => self.inbox.push_back(Input::Failed { call, fault: Fault::Unreachable }),
        }
    }
}
