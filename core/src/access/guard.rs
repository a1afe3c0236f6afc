mod bucket;
mod table;

use core::net::IpAddr;
use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use self::bucket::{Bucket, Room};
use self::table::{Entry, Table};

pub use self::bucket::GuardRate;

/// Slows down who guesses passwords: there are only so many failures for every address and for every user. A host keeps one,
/// tells it the time, and asks it before every [`PasswordCheck`](super::PasswordCheck).
///
/// - Addresses of IPv6 count by their /64, which one customer has whole.
/// - A user who was right from an address within the last day is, from there, slowed by the own failures alone. So nobody locks
///   out others who guesses at their names, or from their address.
/// - An attempt counts as a failure until it has come to something, so that many at once gain nothing.
/// - What it knows is bounded, and holds no name, address or password. Where there are more names or addresses than it can
///   hold, the ones that are nearest to being free are forgotten, and all that it does not know begin with what those had left,
///   but one attempt: whoever floods it with names gains no more than that.
#[derive(Clone, PartialEq, Eq)]
pub struct Guard {
    rates: GuardRates,
    key: [u8; 32],
    /// The rank of these two is when all is forgiven: who is nearest to it is forgotten first.
    addresses: Table,
    users: Table,
    /// Those who were right, by user and address.
    /// Their rank is when that was.
    trusted: Table,
    /// Until when whoever is unknown counts as having failed, for the addresses and the users that were forgotten.
    floors: [Duration; 2],
}

/// How many failures there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardRates {
    /// From one address.
    pub address: GuardRate,
    /// For one user.
    pub user: GuardRate,
}

/// What a [`Guard`] says to an attempt.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// It may go on, and must be settled by what came of it.
    Go(Permit),
    /// It depends on what comes of attempts that are under way: ask again when one of them is settled.
    Wait,
    /// Not before so long.
    Slow(Duration),
}

/// An attempt that goes on. One that is dropped was a failure.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Permit {
    charged: Charged,
    /// User and address, if that is known.
    pair: Option<u128>,
}

#[derive(Debug, PartialEq, Eq)]
enum Charged {
    Pair(u128),
    Both { user: u128, address: Option<u128> },
}

impl Guard {
    /// A guard that knows nobody. `key` is random: nobody outside can tell which names it takes for one.
    pub fn new(rates: GuardRates, key: [u8; 32]) -> Self {
        let [addresses, users, trusted] = std::array::from_fn(|_| Table::default());
        Self { rates, key, addresses, users, trusted, floors: [Duration::ZERO; 2] }
    }

    /// Whether somebody may try a password for `user`. `now` is a time on the clock of the host that never goes back, since any
    /// moment. Without an address, the failures of the user alone count.
    pub fn admit(&mut self, address: Option<IpAddr>, user: &str, now: Duration) -> Admission {
        let user_key = self.hash(b"user", user.as_bytes());
        let network = address.map(network);
        let pair = network.map(|network| self.hash(&network, user.as_bytes()));
        if let Some(pair) = pair
            && let Some(Entry { rank, bucket, .. }) = self.trusted.find(pair)
            && now.saturating_sub(rank) < TRUST_TIME
        {
            return match bucket.room(self.rates.user, now) {
                Room::Free => {
                    self.trusted.put(pair, rank, bucket.charged(self.rates.user, now));
                    Admission::Go(Permit { charged: Charged::Pair(pair), pair: Some(pair) })
                }
                Room::Wait => Admission::Wait,
                Room::Slow(time) => Admission::Slow(time),
            };
        }
        let address_key = network.map(|network| self.hash(b"address", &network));
        let GuardRates { address: address_rate, user: user_rate } = self.rates;
        let by_address = address_key.map(|key| self.addresses.bucket(key, self.floors[0], address_rate, now));
        let by_user = self.users.bucket(user_key, self.floors[1], user_rate, now);
        let rooms = [
            by_user.room(user_rate, now),
            by_address.map_or(Room::Free, |bucket| bucket.room(address_rate, now)),
        ];
        match rooms.into_iter().max().unwrap_or(Room::Free) {
            Room::Free => {}
            Room::Wait => return Admission::Wait,
            Room::Slow(time) => return Admission::Slow(time),
        }
        if let (Some(key), Some(bucket)) = (address_key, by_address) {
            let bucket = bucket.charged(address_rate, now);
            self.floors[0] = self.floors[0].max(self.addresses.put(key, bucket.free_at, bucket));
        }
        let bucket = by_user.charged(user_rate, now);
        self.floors[1] = self.floors[1].max(self.users.put(user_key, bucket.free_at, bucket));
        Admission::Go(Permit { charged: Charged::Both { user: user_key, address: address_key }, pair })
    }

    /// The password was wrong.
    pub fn failed(&mut self, permit: Permit) {
        self.settle(&permit, Bucket::failed);
    }

    /// The password was right: what the attempt counted for is given back, and nothing else.
    pub fn succeeded(&mut self, permit: Permit, now: Duration) {
        self.withdraw(&permit);
        if let Some(pair) = permit.pair {
            let bucket = self.trusted.find(pair).map(|entry| entry.bucket).unwrap_or_default();
            // Who is forgotten for it counts as all others do.
            self.trusted.put(pair, now, bucket);
        }
    }

    /// The password was not looked at.
    pub fn withdrawn(&mut self, permit: Permit) {
        self.withdraw(&permit);
    }

    fn withdraw(&mut self, permit: &Permit) {
        self.settle(permit, Bucket::withdrawn);
    }

    fn settle(&mut self, permit: &Permit, how: fn(Bucket, GuardRate) -> Bucket) {
        let GuardRates { address: address_rate, user: user_rate } = self.rates;
        // No table grows by it.
        match permit.charged {
            Charged::Pair(pair) => {
                if let Some(Entry { rank, bucket, .. }) = self.trusted.find(pair) {
                    self.trusted.put(pair, rank, how(bucket, user_rate));
                }
            }
            Charged::Both { user, address } => {
                settle_in(&mut self.users, user, |bucket| how(bucket, user_rate));
                if let Some(address) = address {
                    settle_in(&mut self.addresses, address, |bucket| how(bucket, address_rate));
                }
            }
        }
    }

    fn hash(&self, what: &[u8], name: &[u8]) -> u128 {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&[what.len() as u8]);
        mac.update(what);
        mac.update(name);
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        bytes.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

impl Permit {
    /// Whether the user was right from this address before.
    pub fn is_trusted(&self) -> bool {
        matches!(self.charged, Charged::Pair(_))
    }
}

impl Default for GuardRates {
    fn default() -> Self {
        Self {
            address: GuardRate { burst: 20, every: Duration::from_secs(3) },
            // More than one address can use up: nobody locks a user out from elsewhere alone.
            user: GuardRate { burst: 30, every: Duration::from_secs(2) },
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("rates", &self.rates).finish_non_exhaustive()
    }
}

fn settle_in(table: &mut Table, key: u128, how: impl Fn(Bucket) -> Bucket) {
    if let Some(entry) = table.find(key) {
        let bucket = how(entry.bucket);
        table.put(key, bucket.free_at, bucket);
    }
}

/// What counts as one address.
fn network(address: IpAddr) -> [u8; 9] {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [4, a, b, c, d, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => {
            let bytes = address.octets();
            std::array::from_fn(|at| if at == 0 { 6 } else { bytes[at - 1] })
        }
    }
}

/// So long after having been right somebody is slowed by the own failures alone.
const TRUST_TIME: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests;
