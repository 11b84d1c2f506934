//! The documented rate limits, counted for each tenant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests to Graph's secure-score lists at the same time, for one application and tenant.
///
/// <https://learn.microsoft.com/graph/throttling-limits>
const GRAPH_AT_ONCE: u32 = 4;

/// How many calls a window of time allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    calls: usize,
    window: Duration,
}

impl Rate {
    pub(crate) const fn new(calls: usize, seconds: u64) -> Rate {
        Rate { calls, window: Duration::from_secs(seconds) }
    }
}

/// Calls to Defender for Endpoint's lists.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machines>
pub(crate) const DEFENDER_LISTS: [Rate; 1] = [Rate::new(100, 60)];

/// Who is calling now, and who called when.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    running: Mutex<HashMap<String, u32>>,
    calls: Mutex<HashMap<(String, String), VecDeque<Instant>>>,
}

/// Leave to answer one Graph request; given back when the whole body was sent.
#[derive(Debug)]
pub(crate) struct Permit {
    limits: Arc<Limits>,
    tenant: String,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = self.limits.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Limits {
    /// Takes one of the tenant's places at Graph; none where all are taken.
    pub(crate) fn enter_graph(self: &Arc<Self>, tenant: &str) -> Option<Permit> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(tenant.to_owned()).or_default();
        if *count >= GRAPH_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Permit { limits: self.clone(), tenant: tenant.to_owned() })
    }

    /// Calls of one kind within the window that ends at `now`.
    pub(crate) fn made(&self, kind: &str, tenant: &str, rate: Rate, now: Instant) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.get(&(kind.to_owned(), tenant.to_owned()));
        let is_in = |call: &&Instant| now.duration_since(**call) < rate.window;
        calls.map_or(0, |calls| calls.iter().filter(is_in).count()).min(rate.calls)
    }

    /// Counts a tenant's call of one kind at `now`. Where a rate is used up: the seconds to wait,
    /// and the call doesn't count.
    pub(crate) fn call(
        &self,
        kind: &str,
        tenant: &str,
        rates: &[Rate],
        now: Instant,
    ) -> Result<(), u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry((kind.to_owned(), tenant.to_owned())).or_default();
        for rate in rates {
            let Some(oldest) = calls.len().checked_sub(rate.calls).map(|at| calls[at]) else {
                continue;
            };
            let passed = now.duration_since(oldest);
            if passed < rate.window {
                return Err((rate.window - passed).as_secs() + 1);
            }
        }
        let most = rates.iter().map(|rate| rate.calls).max().unwrap_or(0);
        calls.push_back(now);
        while calls.len() > most {
            calls.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_request_at_once_waits_for_one_to_end() {
        let limits = Arc::new(Limits::default());
        let mut permits: Vec<_> = (0..4).map(|_| limits.enter_graph("t")).collect();

        assert!(permits.iter().all(Option::is_some));
        assert!(limits.enter_graph("t").is_none());
        assert!(limits.enter_graph("another").is_some());
        permits.pop();
        assert!(limits.enter_graph("t").is_some());
    }

    #[test]
    fn the_hundred_and_first_call_of_a_minute_is_told_to_wait() {
        let limits = Limits::default();
        let start = Instant::now();
        let call =
            |at: u64| limits.call("lists", "t", &DEFENDER_LISTS, start + Duration::from_secs(at));
        (0..100).for_each(|_| assert_eq!(call(0), Ok(())));

        assert_eq!(call(20), Err(41));
        assert_eq!(call(60), Ok(()));
    }

    #[test]
    fn the_longest_window_counts_too() {
        let limits = Limits::default();
        let start = Instant::now();
        let rates = [Rate::new(1, 1), Rate::new(3, 10)];
        let call = |at: u64| limits.call("x", "t", &rates, start + Duration::from_secs(at));

        assert_eq!([call(0), call(1), call(2)], [Ok(()); 3]);
        assert_eq!([call(3), call(10)], [Err(8), Ok(())]);
    }
}
