//! How long a job waits for a service, and what that costs.

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::time::Instant;

/// How long and how often a request is tried.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries in all, waits that the service asked for left aside.
    pub tries: u32,
    /// The first wait of our own; each further one is twice as long, with jitter.
    pub first_wait: Duration,
    /// The longest single wait; a service that asks for more ends the call.
    pub longest_wait: Duration,
    /// When the run ends itself.
    pub deadline: Option<Instant>,
}

impl Patience {
    /// Six tries within some ten seconds, and waits of up to a minute where the service asks.
    pub const DEFAULT: Patience = Patience {
        tries: 6,
        first_wait: Duration::from_millis(250),
        longest_wait: Duration::from_secs(60),
        deadline: None,
    };

    /// The same until `deadline`.
    pub fn until(self, deadline: Instant) -> Patience {
        Patience { deadline: Some(deadline), ..self }
    }

    /// Waits of our own, in order.
    pub fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.first_wait)
            .with_max_delay(self.longest_wait)
            .with_factor(2.0)
            .with_max_times(self.tries.saturating_sub(1) as usize)
            .with_jitter()
            .build()
    }

    /// The next wait: what the service asks for, else our own; nothing where patience ends.
    pub fn next(
        &self,
        asked: Option<Duration>,
        own: &mut impl Iterator<Item = Duration>,
    ) -> Option<Duration> {
        asked.or_else(|| own.next()).filter(|wait| self.allows(*wait))
    }

    /// Whether a wait for room in a documented limit is waited: one of a minute takes a little longer
    /// than that minute.
    pub(super) fn bears(&self, wait: Duration) -> bool {
        let longest_wait = self.longest_wait + self.longest_wait / 20;
        Patience { longest_wait, ..*self }.allows(wait)
    }

    fn allows(&self, wait: Duration) -> bool {
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() + wait < deadline);
        wait <= self.longest_wait && in_time
    }
}

/// What a job's requests cost.
#[derive(Debug, Default)]
pub struct Meter {
    /// Requests sent, repeats included.
    pub requests: AtomicU64,
    /// Answers 429.
    pub throttled: AtomicU64,
    /// Milliseconds waited between tries.
    pub waited_ms: AtomicU64,
    /// Bytes of bodies received, decompressed.
    pub received: AtomicU64,
    /// What the newest answer said beside its body.
    pub heard: Mutex<Heard>,
}

/// What an answer's headers say of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Its clock, to the second.
    pub date: Option<Timestamp>,
    /// Calls that are left before it throttles, by the header's name.
    pub left: BTreeMap<String, u64>,
}
