use super::*;
use crate::cloud::quota::{DEFENDER_LISTS, EXPORT_FILES, LOGS_INGESTION, QUOTAS, SECURE_SCORES};

const SECOND: Duration = Duration::from_secs(1);

fn counts(quota: &Quota) -> Counts {
    Arc::into_inner(Arc::new(Gate::new(quota))).unwrap().counts.into_inner().unwrap()
}

fn end(counts: &mut Counts, kilobytes: u32, now: Instant) {
    counts.calls.iter_mut().for_each(|window| window.end(1, now));
    counts.kilobytes.iter_mut().for_each(|window| window.end(kilobytes, now));
}

/// Calls as fast as the counts allow, each answered after `latency`; when the service saw each, which
/// is as late as it may be for one and as early for the next.
fn arrivals(quota: &Quota, calls: usize, latency: Duration) -> Vec<Duration> {
    let (mut counts, start) = (counts(quota), Instant::now());
    let (mut now, mut seen) = (start, Vec::new());
    while seen.len() < calls {
        match counts.take(1, now) {
            Ok(()) => {
                let late = if seen.len() % 2 == 0 { latency } else { Duration::ZERO };
                seen.push(now + late - start);
                now += latency;
                end(&mut counts, 1, now);
            }
            Err(wait) => now += wait,
        }
    }
    seen.sort();
    seen
}

#[test]
fn no_span_of_any_quota_ever_sees_more_than_its_limit() {
    for quota in QUOTAS {
        for latency in [Duration::ZERO, Duration::from_millis(7), 3 * SECOND] {
            let most = quota.calls.iter().map(|limit| limit.amount).max().unwrap_or(1);
            let seen = arrivals(quota, 2 * most as usize + 3, latency);
            for limit in quota.calls {
                let amount = limit.amount as usize;
                let too_close =
                    seen.windows(amount + 1).find(|calls| calls[amount] - calls[0] < limit.span);
                assert_eq!(too_close, None, "{limit:?} of {}, {latency:?}", quota.of);
            }
        }
    }
}

#[test]
fn a_limit_is_used_up_at_once_and_again_when_its_span_is_over() {
    let seen = arrivals(&DEFENDER_LISTS, 200, Duration::ZERO);

    assert_eq!(seen[99], Duration::ZERO);
    assert!(seen[199] <= 61 * SECOND, "{:?}", seen[199]);
}

#[test]
fn what_is_under_way_counts_until_a_span_after_its_answer() {
    let (mut counts, start) = (counts(&EXPORT_FILES), Instant::now());
    for _ in 0..5 {
        counts.take(1, start).unwrap();
    }

    assert_eq!(counts.take(1, start + 90 * SECOND), Err(60 * SECOND));
    end(&mut counts, 1, start + 100 * SECOND);
    let wait = counts.take(1, start + 101 * SECOND).unwrap_err();
    assert!(wait > 59 * SECOND && wait < 61 * SECOND, "{wait:?}");
    assert_eq!(counts.take(1, start + 161 * SECOND), Ok(()));
}

#[test]
fn kilobytes_count_beside_calls() {
    let (mut counts, start) = (counts(&LOGS_INGESTION), Instant::now());
    for _ in 0..2_000 {
        counts.take(1_000, start).unwrap();
        end(&mut counts, 1_000, start);
    }

    assert!(counts.take(1, start + SECOND).is_err());
    assert_eq!(counts.take(1_000, start + 61 * SECOND), Ok(()));
}

#[test]
fn entries_stay_few_whatever_the_limit() {
    let (mut counts, start) = (counts(&LOGS_INGESTION), Instant::now());
    for call in 0..11_000 {
        let now = start + Duration::from_millis(5 * call);
        counts.take(1, now).unwrap();
        end(&mut counts, 1, now);
    }

    assert!(counts.calls[0].answered.len() <= GRAINS as usize + 1);
}

#[tokio::test]
async fn a_wait_that_the_service_asks_for_is_everyones() {
    let gates = Gates::default();
    let url =
        |path: &str| Url::parse(&format!("https://api.security.microsoft.com{path}")).unwrap();
    let gate = |path: &str| gates.of(&url(path)).unwrap();
    let (patience, meter) = (Patience::DEFAULT, Meter::default());

    gate("/api/machines").pause(120 * SECOND);

    let wait = gate("/api/recommendations").pass(0, &patience, &meter).await.unwrap_err();
    assert!(wait > 119 * SECOND && wait <= 120 * SECOND, "{wait:?}");
    assert!(gate("/api/machines/SoftwareInventoryExport").pass(0, &patience, &meter).await.is_ok());
    assert_eq!(meter.waited_ms.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_fifth_call_at_once_waits_for_one_to_end() {
    let gate = Arc::new(Gate::new(&SECURE_SCORES));
    let (patience, meter) = (Patience::DEFAULT, Meter::default());
    let mut passes = Vec::new();
    for _ in 0..4 {
        passes.push(gate.pass(0, &patience, &meter).await.unwrap());
    }

    let fifth = gate.pass(0, &patience, &meter);
    let early = tokio::time::timeout(Duration::from_millis(20), fifth).await;
    passes.pop();
    let late = gate.pass(0, &patience, &meter).await;

    assert!(early.is_err() && late.is_ok());
}
