//! What is left of the documented limits: a call goes out where its quota has room, else waits.
//!
//! A call counts from when it goes out until one whole span after its answer came. The service saw it
//! in between, so whatever the network delays, it never sees more than the limit in any span of its own.

use super::quota::{self, Limit, Quota};
use super::{Meter, Patience};
use azure_core::http::Url;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::debug;

/// Answers that come within so large a part of a span are counted as one entry, which bounds memory
/// whatever the limit.
const GRAINS: u32 = 64;

/// One limit, and what counts on it.
#[derive(Debug)]
struct Window {
    limit: Limit,
    /// What is under way.
    under_way: u32,
    /// What has been answered, by the instant from which it no longer counts.
    answered: VecDeque<(Instant, u32)>,
    /// All of that together.
    spent: u32,
}

impl Window {
    fn new(limit: Limit) -> Window {
        Window { limit, under_way: 0, answered: VecDeque::new(), spent: 0 }
    }

    /// How long a call of this cost waits at least; nothing where it may go. One that costs more than
    /// the whole limit goes alone.
    fn wait(&mut self, cost: u32, now: Instant) -> Option<Duration> {
        while let Some(&(_, amount)) = self.answered.front().filter(|(until, _)| *until <= now) {
            self.answered.pop_front();
            self.spent -= amount;
        }
        let taken = self.under_way.saturating_add(self.spent);
        let mut over = taken.saturating_add(cost.min(self.limit.amount));
        over = over.saturating_sub(self.limit.amount);
        if over == 0 {
            return None;
        }
        for (until, amount) in &self.answered {
            over = over.saturating_sub(*amount);
            if over == 0 {
                return Some(until.duration_since(now));
            }
        }
        // What is under way stands in the way: it counts for a span after its answer.
        Some(self.limit.span)
    }

    fn begin(&mut self, cost: u32) {
        self.under_way = self.under_way.saturating_add(cost);
    }

    fn end(&mut self, cost: u32, now: Instant) {
        let grain = self.limit.span / GRAINS;
        self.under_way = self.under_way.saturating_sub(cost);
        self.spent = self.spent.saturating_add(cost);
        match self.answered.back_mut() {
            Some((until, amount)) if now + self.limit.span <= *until => *amount += cost,
            _ => self.answered.push_back((now + self.limit.span + grain, cost)),
        }
    }
}

#[derive(Debug)]
struct Counts {
    calls: Vec<Window>,
    kilobytes: Vec<Window>,
    /// The service has asked for nothing before that.
    not_before: Option<Instant>,
}

impl Counts {
    fn take(&mut self, kilobytes: u32, now: Instant) -> Result<(), Duration> {
        let asked = self.not_before.and_then(|at| at.checked_duration_since(now));
        let calls = self.calls.iter_mut().filter_map(|window| window.wait(1, now));
        let sizes = self.kilobytes.iter_mut().filter_map(|window| window.wait(kilobytes, now));
        let longest = calls.chain(sizes).chain(asked.filter(|wait| !wait.is_zero())).max();
        if let Some(wait) = longest {
            return Err(wait);
        }
        self.calls.iter_mut().for_each(|window| window.begin(1));
        self.kilobytes.iter_mut().for_each(|window| window.begin(kilobytes));
        Ok(())
    }
}

/// One quota of one tenant, or of one collection rule.
#[derive(Debug)]
pub(super) struct Gate {
    counts: Mutex<Counts>,
    places: Option<Arc<Semaphore>>,
}

impl Gate {
    fn new(quota: &Quota) -> Gate {
        let windows = |limits: &[Limit]| limits.iter().copied().map(Window::new).collect();
        let counts = Counts {
            calls: windows(quota.calls),
            kilobytes: windows(quota.kilobytes),
            not_before: None,
        };
        let places = quota.at_once.map(|places| Arc::new(Semaphore::new(places)));
        Gate { counts: Mutex::new(counts), places }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the call may go out; the wait where that is longer than patience.
    pub async fn pass(
        self: &Arc<Self>,
        kilobytes: u32,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<Pass, Duration> {
        let began = Instant::now();
        let place = match &self.places {
            // The semaphore is never closed.
            Some(places) => places.clone().acquire_owned().await.ok(),
            None => None,
        };
        let passed = loop {
            let taken = self.counts().take(kilobytes, Instant::now());
            match taken {
                Ok(()) => break Ok(Pass { gate: self.clone(), kilobytes, _place: place }),
                Err(wait) if patience.bears(wait) => tokio::time::sleep(wait).await,
                Err(wait) => break Err(wait),
            }
        };
        let waited_ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        meter.waited_ms.fetch_add(waited_ms, Ordering::Relaxed);
        if waited_ms > 0 {
            debug!(waited_ms, "waited {waited_ms} ms for room in a documented limit");
        }
        passed
    }

    /// Lets nothing pass for that long: the service has asked for it.
    pub fn pause(&self, wait: Duration) {
        let mut counts = self.counts();
        counts.not_before = counts.not_before.max(Some(Instant::now() + wait));
    }
}

/// Leave for one call; it is on the count until one span after this is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    kilobytes: u32,
    _place: Option<OwnedSemaphorePermit>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let (now, kilobytes) = (Instant::now(), self.kilobytes);
        let mut counts = self.gate.counts();
        counts.calls.iter_mut().for_each(|window| window.end(1, now));
        counts.kilobytes.iter_mut().for_each(|window| window.end(kilobytes, now));
    }
}

/// The quotas of one tenant, or those of all collection rules: each is there once it is needed.
#[derive(Debug, Default)]
pub struct Gates {
    gates: Mutex<HashMap<(&'static str, String), Arc<Gate>>>,
    /// Whether calls to NVD carry a key, which allows more of them.
    has_nvd_key: bool,
}

impl Gates {
    /// The quotas of what anyone may read, with or without a key of NVD.
    pub fn of_feeds(has_nvd_key: bool) -> Gates {
        Gates { has_nvd_key, ..Gates::default() }
    }

    /// The gate that a call to `url` passes; nothing where no quota is known.
    pub(super) fn of(&self, url: &Url) -> Option<Arc<Gate>> {
        let (mut quota, one) = quota::of(url.path())?;
        if self.has_nvd_key && quota == quota::NVD {
            quota = quota::NVD_WITH_KEY;
        }
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry((quota.of, one)).or_insert_with(|| Arc::new(Gate::new(&quota)));
        Some(gate.clone())
    }
}

#[cfg(test)]
mod tests;
