//! What core asks to know who sends a request: whether a password is right, and the keys of issuers.

use std::net::IpAddr;

use wharfinger_core::access::PasswordCheck;
use wharfinger_core::exchange::{Input, Told};

use super::{Drive, since_start};
use crate::keys::Seeking;

impl Drive<'_> {
    pub(super) fn check_password(&mut self, check: &PasswordCheck, address: Option<IpAddr>) {
        let verdict = self.world.passwords.check(check, address, since_start());
        self.inbox.push_back(Input::Told { answer: Told::Password(verdict) });
    }

    pub(super) fn seek_keys(&mut self, issuer: u8, kid: Option<Box<str>>) {
        self.seeking = Some(Seeking::new(issuer, kid));
    }

    pub(super) fn step_keys(&mut self) {
        let world = self.world;
        if let Some(seeking) = &mut self.seeking
            && let Some(keys) = seeking.step(&world.keys, &world.config.access)
        {
            self.seeking = None;
            self.inbox.push_back(Input::Told { answer: Told::Keys(keys) });
        }
    }
}
