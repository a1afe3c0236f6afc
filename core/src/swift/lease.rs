use super::{Session, Token};

/// A token while it is used: from when on another one should be had, and from when on nothing goes without. All times are
/// in seconds since 1970, by the clock of the host.
///
/// Requests that are `streamed` have a body that cannot be sent again with another token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    session: Session,
    number: u64,
    /// Swift did not take it.
    rejected: bool,
    /// The last login handed out the same token again: there is no other before it ends.
    kept: bool,
    /// When the last login that was not the first one went well.
    renewed_at: Option<u64>,
    /// When a login failed last: nobody tries again at once.
    failed_at: Option<u64>,
}

impl Lease {
    /// The longest time for which there is no login while some wait for one: before it, and between two, in seconds.
    pub const REST_SECONDS_MAX: u64 = 2 * MOMENT_SECONDS + REST_SECONDS;

    /// What the first login gave.
    pub fn new(session: Session) -> Self {
        Self { session, number: 0, rejected: false, kept: false, renewed_at: None, failed_at: None }
    }

    /// The token to send with.
    pub fn token(&self) -> &Token {
        &self.session.token
    }

    /// Tells the token from those before and after.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Takes what another login gave.
    pub fn renew(&mut self, session: Session, now: u64) {
        self.kept = session.token == self.session.token;
        self.session = session;
        self.rejected = false;
        self.number += 1;
        self.renewed_at = Some(now);
    }

    /// Takes note of a login that failed.
    pub fn fail(&mut self, now: u64) {
        self.failed_at = Some(now);
    }

    /// Takes note that the token of that number was not taken by Swift.
    pub fn reject(&mut self, stale: u64) {
        self.rejected |= self.number == stale;
    }

    /// Whether another one should be had.
    pub fn is_due(&self, now: u64, streamed: bool) -> bool {
        // A clock that was set back since says nothing about how long that is ago.
        if self.failed_at.and_then(|at| now.checked_sub(at)).is_some_and(|ago| ago < REST_SECONDS) {
            return false;
        }
        let old = self.session.renew_at().is_some_and(|at| now >= at);
        self.has_to_wait(now, streamed) || (old && !self.kept)
    }

    /// Whether nothing may be sent before there is another one, if there is one to be had.
    pub fn has_to_wait(&self, now: u64, streamed: bool) -> bool {
        self.is_over(now, streamed) || (streamed && !self.kept && self.is_short(now))
    }

    /// So many seconds the next login waits: a Swift that takes no token of a Keystone that hands them out must not have us
    /// log in without end.
    pub fn rest(&self, now: u64) -> u64 {
        let renewed_at = self.renewed_at.filter(|_| self.rejected);
        renewed_at.map_or(0, |at| at.saturating_add(REST_SECONDS).saturating_sub(now).min(REST_SECONDS))
    }

    /// In so many seconds another token can be had, if this one is in its last moments and was handed out again, as Swift's
    /// own login does until a token ends. A body that is streamed must not begin in these moments.
    pub fn last_moments(&self, now: u64) -> Option<u64> {
        let end = self.session.expires_at.filter(|_| self.kept && !self.rejected)?;
        let ends = now.saturating_add(MOMENT_SECONDS) >= end;
        ends.then(|| end.saturating_add(MOMENT_SECONDS).saturating_sub(now))
    }

    /// Whether nothing can be sent with it any more.
    fn is_over(&self, now: u64, streamed: bool) -> bool {
        let moment = if streamed { MOMENT_SECONDS } else { 0 };
        self.rejected || self.session.expires_at.is_some_and(|at| now + moment >= at)
    }

    /// Whether it may end before a body that is begun has left.
    fn is_short(&self, now: u64) -> bool {
        self.session.expires_at.is_some_and(|end| {
            let half = end.saturating_sub(self.session.granted_at) / 2;
            end.saturating_sub(now) < STREAM_SECONDS_MIN.min(half)
        })
    }
}

/// So long a token is good when a body that is streamed begins; half of its life, if that is shorter.
const STREAM_SECONDS_MIN: u64 = 600;

/// The last moments of a token: clocks that count in whole seconds, and the cache that Swift keeps tokens in, differ by less.
const MOMENT_SECONDS: u64 = 3;

/// After a login that failed nobody tries again for so long, nor after one whose token Swift does not take.
const REST_SECONDS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(life: Option<u64>) -> Lease {
        let session = Session {
            token: Token::new("t").unwrap(),
            granted_at: 1000,
            expires_at: life.map(|life| 1000 + life),
            storage_url: "http://swift/v1/a".into(),
        };
        Lease::new(session)
    }

    #[test]
    fn a_token_is_renewed_at_four_fifths_of_its_life() {
        let hour = lease(Some(3600));
        assert!(!hour.is_due(1000 + 2879, false));
        assert!(hour.is_due(1000 + 2880, false));
        assert!(hour.is_due(1000 + 2880, true));
        assert!(!hour.has_to_wait(1000 + 2880, true) && !hour.has_to_wait(1000 + 3599, false));
        assert!(hour.has_to_wait(1000 + 3001, true) && hour.has_to_wait(1000 + 3600, false));
        assert!(!lease(None).is_due(u64::MAX, true));
    }

    #[test]
    fn a_body_that_is_streamed_waits_for_ten_minutes_or_half_a_life() {
        let short = lease(Some(1800));
        assert!(!short.is_due(1000 + 1200, true));
        assert!(short.is_due(1000 + 1201, true));
        assert!(!short.is_due(1000 + 1201, false));
        assert!(!short.has_to_wait(1000 + 1200, true) && short.has_to_wait(1000 + 1201, true));
        let brief = lease(Some(10));
        assert!(!brief.is_due(1005, true));
        assert!(brief.is_due(1006, true));
    }

    #[test]
    fn a_token_that_is_handed_out_again_is_used_to_its_last_moments() {
        let mut kept = lease(Some(100));
        assert!(kept.is_due(1080, false));
        kept.renew(kept.session.clone(), 1080);
        assert!(!kept.is_due(1096, true) && kept.is_due(1097, true));
        assert!(!kept.is_due(1099, false) && kept.is_due(1100, false));
    }

    #[test]
    fn the_end_of_a_token_is_waited_for_in_its_last_moments_alone() {
        let mut kept = lease(Some(100));
        assert_eq!(kept.last_moments(1099), None, "another one can be had");
        kept.renew(kept.session.clone(), 1080);
        assert_eq!((kept.last_moments(1096), kept.last_moments(1097)), (None, Some(6)));
        assert_eq!((kept.last_moments(1103), kept.last_moments(u64::MAX)), (Some(0), Some(0)));
        // One that is not taken ends now, whatever its time is.
        kept.reject(1);
        assert_eq!((kept.last_moments(1000), kept.last_moments(1097)), (None, None));
        let mut endless = lease(Some(u64::MAX - 1000));
        endless.renew(endless.session.clone(), 1000);
        assert_eq!((endless.last_moments(1000), endless.last_moments(u64::MAX)), (None, Some(0)));
    }

    #[test]
    fn a_new_token_that_is_not_taken_is_not_followed_by_another_at_once() {
        let mut fresh = lease(Some(3600));
        fresh.reject(0);
        assert_eq!(fresh.rest(1000), 0, "the first one may be old");
        fresh.renew(fresh.session.clone(), 1000);
        assert_eq!(fresh.rest(1000), 0);
        fresh.reject(1);
        assert_eq!((fresh.rest(999), fresh.rest(1000), fresh.rest(1001), fresh.rest(1002)), (2, 2, 1, 0));
    }

    #[test]
    fn a_rejected_token_is_over_for_all() {
        let mut fresh = lease(Some(3600));
        assert!(!fresh.is_due(1000, false) && !fresh.has_to_wait(1000, false));
        fresh.reject(1);
        assert!(!fresh.is_due(1000, false), "that was another one");
        fresh.reject(0);
        assert!(fresh.is_due(1000, false) && fresh.has_to_wait(1000, false));
        fresh.fail(1000);
        assert!(!fresh.is_due(1001, false) && fresh.is_due(1002, false));
    }

    #[test]
    fn after_a_failed_login_there_is_a_rest() {
        let mut over = lease(Some(10));
        assert!(over.is_over(1010, false) && over.is_due(1010, false));
        assert!(over.is_over(1007, true) && !over.is_over(1006, true) && !over.is_over(1009, false));
        over.fail(1010);
        assert!(!over.is_due(1011, false));
        assert!(over.is_due(1012, false));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_the_rest_longer() {
        let mut refused = lease(Some(3600));
        refused.reject(0);
        refused.fail(100_000);
        assert!(!refused.is_due(100_000, false) && !refused.is_due(100_001, false));
        assert!(refused.is_due(1000, false) && refused.is_due(99_999, false));
        refused.fail(u64::MAX);
        assert!(!refused.is_due(u64::MAX, false) && refused.is_due(1000, false));
    }
}
