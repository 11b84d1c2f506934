//! The documented rate limits, counted for each tenant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests to Graph's secure-score lists at the same time, for one application and tenant.
///
/// <https://learn.microsoft.com/graph/throttling-limits>
const GRAPH_AT_ONCE: u32 = 4;

/// Calls to Defender for Endpoint in one minute.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machines>
const DEFENDER_A_MINUTE: usize = 100;

const MINUTE: Duration = Duration::from_secs(60);

/// Who is calling now, and who called within the last minute.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    running: Mutex<HashMap<String, u32>>,
    calls: Mutex<HashMap<String, VecDeque<Instant>>>,
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

    /// Counts a call to Defender at `now`. Where the minute is used up: the seconds to wait.
    pub(crate) fn call_defender(&self, tenant: &str, now: Instant) -> Result<(), u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry(tenant.to_owned()).or_default();
        while calls.front().is_some_and(|&call| now.duration_since(call) >= MINUTE) {
            calls.pop_front();
        }
        match calls.front() {
            Some(&oldest) if calls.len() >= DEFENDER_A_MINUTE => {
                Err((MINUTE - now.duration_since(oldest)).as_secs() + 1)
            }
            _ => {
                calls.push_back(now);
                Ok(())
            }
        }
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
        (0..100).for_each(|_| assert_eq!(limits.call_defender("t", start), Ok(())));

        assert_eq!(limits.call_defender("t", start + Duration::from_secs(20)), Err(41));
        assert_eq!(limits.call_defender("t", start + MINUTE), Ok(()));
    }
}
