//! The documented rate limits, counted for each tenant.

use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
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
pub(crate) const DEFENDER_LISTS: [Rate; 2] = [Rate::new(100, 60), Rate::new(1500, 3600)];

/// What came of one limit over all tenants, or all collection rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pressure {
    /// Calls that were let in.
    pub calls: u64,
    /// Calls that were told to wait.
    pub refused: u64,
    /// The calls of the busiest one.
    pub most: u64,
    /// The shortest time in which the limit lets in what the busiest one asked, in milliseconds.
    pub least_ms: u64,
}

/// The calls of one tenant and kind.
#[derive(Debug, Default)]
struct Calls {
    /// When each was, and what it weighs.
    recent: VecDeque<(Instant, usize)>,
    rates: Vec<Rate>,
    let_in: u64,
    refused: u64,
    weight: u64,
}

impl Calls {
    /// The shortest time between the first and the last of them, were they as early as allowed.
    fn least(&self) -> Duration {
        let least = |rate: &Rate| {
            let windows = self.weight.saturating_sub(1) / rate.calls.max(1) as u64;
            rate.window * u32::try_from(windows).unwrap_or(u32::MAX)
        };
        self.rates.iter().map(least).max().unwrap_or_default()
    }

    /// The seconds to wait before so much more is let in.
    fn wait(&self, weight: usize, rate: &Rate, now: Instant) -> Option<u64> {
        let mut within = weight;
        for (call, weight) in self.recent.iter().rev() {
            let passed = now.saturating_duration_since(*call);
            if passed >= rate.window {
                break;
            }
            within += weight;
            if within > rate.calls {
                return Some((rate.window - passed).as_secs() + 1);
            }
        }
        None
    }
}

/// Who is calling now, and who called when.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    running: Mutex<HashMap<String, u32>>,
    calls: Mutex<HashMap<(String, String), Calls>>,
    buckets: Mutex<HashMap<String, (f64, Instant)>>,
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
        let is_in = |(call, _): &&(Instant, usize)| now.duration_since(*call) < rate.window;
        calls.map_or(0, |calls| calls.recent.iter().filter(is_in).count()).min(rate.calls)
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
        self.weigh(kind, tenant, 1, rates, now)
    }

    /// As [`Limits::call`], for something that counts by its weight.
    pub(crate) fn weigh(
        &self,
        kind: &str,
        whose: &str,
        weight: usize,
        rates: &[Rate],
        now: Instant,
    ) -> Result<(), u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry((kind.to_owned(), whose.to_owned())).or_default();
        if calls.rates.is_empty() {
            calls.rates = rates.to_vec();
        }
        if let Some(wait) = rates.iter().filter_map(|rate| calls.wait(weight, rate, now)).max() {
            calls.refused += 1;
            return Err(wait);
        }
        calls.let_in += 1;
        calls.weight += weight as u64;
        calls.recent.push_back((now, weight));
        let longest = rates.iter().map(|rate| rate.window).max().unwrap_or_default();
        while calls.recent.front().is_some_and(|(call, _)| now.duration_since(*call) >= longest) {
            calls.recent.pop_front();
        }
        Ok(())
    }

    /// Takes one call out of a bucket that holds `size` and gains so many a second: those left, or the
    /// seconds until there is one.
    pub(crate) fn draw(&self, whose: &str, size: u32, gain: u32, now: Instant) -> Result<u64, u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, at) = buckets.entry(whose.to_owned()).or_insert((size.into(), now));
        let gained = now.saturating_duration_since(*at).as_secs_f64() * f64::from(gain);
        (*level, *at) = ((*level + gained).min(size.into()), now);
        if *level < 1.0 {
            return Err(1);
        }
        *level -= 1.0;
        Ok(*level as u64)
    }

    /// What came of each kind so far.
    pub(crate) fn pressure(&self) -> BTreeMap<String, Pressure> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::<String, Pressure>::new();
        for ((kind, _), calls) in calls.iter() {
            let pressure = all.entry(kind.clone()).or_default();
            let least_ms = u64::try_from(calls.least().as_millis()).unwrap_or(u64::MAX);
            pressure.calls += calls.let_in;
            pressure.refused += calls.refused;
            pressure.most = pressure.most.max(calls.let_in);
            pressure.least_ms = pressure.least_ms.max(least_ms);
        }
        all
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

    #[test]
    fn what_weighs_counts_by_its_weight() {
        let limits = Limits::default();
        let (start, rates) = (Instant::now(), [Rate::new(100, 60)]);
        let weigh = |at: u64, weight| {
            limits.weigh("bytes", "rule", weight, &rates, start + Duration::from_secs(at))
        };

        assert_eq!([weigh(0, 60), weigh(1, 40), weigh(2, 1)], [Ok(()), Ok(()), Err(59)]);
        assert_eq!([weigh(60, 60), weigh(60, 1)], [Ok(()), Err(2)]);
        let pressure = &limits.pressure()["bytes"];
        assert_eq!((pressure.calls, pressure.refused, pressure.least_ms), (3, 2, 60_000));
    }

    #[test]
    fn a_bucket_gains_while_time_passes() {
        let limits = Limits::default();
        let start = Instant::now();
        let draw = |ms: u64| limits.draw("s", 2, 25, start + Duration::from_millis(ms));

        assert_eq!([draw(0), draw(0), draw(0)], [Ok(1), Ok(0), Err(1)]);
        assert_eq!([draw(40), draw(40), draw(10_000)], [Ok(0), Err(1), Ok(1)]);
    }
}
