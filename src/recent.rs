//! What was read a moment ago, answered from memory: one reader at a time for each key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer that is due to be read again still serves those who come while one reads.
const LATE_FOR: Duration = Duration::from_secs(10);

/// Answers by key, each read again when it is too old.
///
/// Whoever comes first after that reads. Others who come meanwhile get the answer before, so that a
/// slow read costs one of them and not all; where there is none, or a very old one, they wait for the
/// same read instead of starting their own.
#[derive(Debug)]
pub struct Recent<T> {
    entries: Mutex<HashMap<String, Arc<Entry<T>>>>,
    /// Answers that are kept at most.
    most: usize,
}

#[derive(Debug)]
struct Entry<T> {
    answer: Mutex<Option<(Instant, Arc<T>)>>,
    /// Held by whoever reads.
    reading: tokio::sync::Mutex<()>,
}

impl<T> Default for Recent<T> {
    fn default() -> Recent<T> {
        Recent::of_at_most(usize::MAX)
    }
}

impl<T> Recent<T> {
    /// One that keeps so many answers: those that were read longest ago give way.
    pub fn of_at_most(most: usize) -> Recent<T> {
        Recent { entries: Mutex::default(), most }
    }

    /// The answer for `key`, at most `age` old at `now`, or a little older while another reads it.
    ///
    /// # Errors
    ///
    /// What `read` says; the next caller reads again.
    pub async fn get<E>(
        &self,
        key: &str,
        (now, age): (Instant, Duration),
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let entry = self.entry(key);
        if let Some(answer) = entry.within(now, age) {
            return Ok(answer);
        }
        let _reading = match entry.reading.try_lock() {
            Ok(reading) => reading,
            Err(_) => {
                if let Some(answer) = entry.within(now, age + LATE_FOR) {
                    return Ok(answer);
                }
                let reading = entry.reading.lock().await;
                // Whoever read meanwhile has read for this caller too.
                if let Some(answer) = entry.within(now, age) {
                    return Ok(answer);
                }
                reading
            }
        };
        let answer = Arc::new(read.await?);
        *lock(&entry.answer) = Some((now, answer.clone()));
        Ok(answer)
    }

    fn entry(&self, key: &str) -> Arc<Entry<T>> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(key) {
            return entry.clone();
        }
        while entries.len() >= self.most {
            // Not those that are being read for the first time: whoever waits for them would read again.
            let read = entries.iter().filter_map(|(key, entry)| Some((entry.read_at()?, key)));
            let Some(oldest) = read.min().map(|(_, key)| key.clone()) else { break };
            entries.remove(&oldest);
        }
        let entry = Arc::new(Entry { answer: Mutex::default(), reading: Default::default() });
        entries.insert(key.to_owned(), entry.clone());
        entry
    }
}

impl<T> Entry<T> {
    fn read_at(&self) -> Option<Instant> {
        lock(&self.answer).as_ref().map(|(at, _)| *at)
    }

    fn within(&self, now: Instant, age: Duration) -> Option<Arc<T>> {
        let answer = lock(&self.answer);
        let recent = |at: Instant| now.saturating_duration_since(at) < age;
        answer.as_ref().filter(|(at, _)| recent(*at)).map(|(_, answer)| answer.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::{pending, ready};
    use tokio::sync::oneshot;

    const AGE: Duration = Duration::from_secs(5);

    async fn read(answer: u32) -> Result<u32, Infallible> {
        Ok(answer)
    }

    #[tokio::test]
    async fn an_answer_is_given_from_memory_until_it_is_too_old() {
        let (recent, start) = (Recent::default(), Instant::now());

        let first = recent.get("a", (start, AGE), read(1)).await;
        let soon = recent.get("a", (start + AGE / 2, AGE), read(2)).await;
        let other = recent.get("b", (start, AGE), read(3)).await;
        let later = recent.get("a", (start + AGE, AGE), read(4)).await;

        assert_eq!([first, soon, other, later].map(|one| *one.unwrap()), [1, 1, 3, 4]);
    }

    #[tokio::test]
    async fn while_one_reads_the_others_get_the_answer_before() {
        let (recent, start) = (Recent::default(), Instant::now());
        recent.get("a", (start, AGE), read(1)).await.unwrap();
        let due = (start + AGE, AGE);
        let mut slow = Box::pin(recent.get("a", due, pending::<Result<u32, Infallible>>()));
        assert!(futures::poll!(&mut slow).is_pending());

        let meanwhile = recent.get("a", due, read(2)).await;

        assert_eq!(*meanwhile.unwrap(), 1);
    }

    #[tokio::test]
    async fn without_an_answer_or_with_a_very_old_one_the_others_wait_for_the_one_who_reads() {
        let (recent, start) = (Recent::default(), Instant::now());
        recent.get("a", (start, AGE), read(1)).await.unwrap();
        for (key, asked) in [("a", start + AGE + LATE_FOR), ("b", start)] {
            let (done, told) = oneshot::channel::<u32>();
            let mut reads = Box::pin(
                recent.get(key, (asked, AGE), async { Ok::<_, Infallible>(told.await.unwrap()) }),
            );
            assert!(futures::poll!(&mut reads).is_pending());
            let mut waits =
                Box::pin(recent.get(key, (asked, AGE), pending::<Result<_, Infallible>>()));
            assert!(futures::poll!(&mut waits).is_pending());

            done.send(2).unwrap();

            assert_eq!((*reads.await.unwrap(), *waits.await.unwrap()), (2, 2), "{key}");
        }
    }

    #[tokio::test]
    async fn the_answer_that_was_read_longest_ago_gives_way() {
        let (recent, start) = (Recent::of_at_most(2), Instant::now());
        for (key, at) in [("a", start), ("b", start + AGE / 4), ("c", start + AGE / 3)] {
            recent.get(key, (at, AGE), read(1)).await.unwrap();
        }

        let kept = recent.get("b", (start + AGE / 2, AGE), read(2)).await;
        let gone = recent.get("a", (start + AGE / 2, AGE), read(2)).await;

        assert_eq!((*kept.unwrap(), *gone.unwrap()), (1, 2));
    }

    #[tokio::test]
    async fn what_is_being_read_does_not_give_way() {
        let (recent, start) = (Recent::of_at_most(1), Instant::now());
        let (done, told) = oneshot::channel::<u32>();
        let reads = async { Ok::<_, Infallible>(told.await.unwrap()) };
        let mut slow = Box::pin(recent.get("a", (start, AGE), reads));
        assert!(futures::poll!(&mut slow).is_pending());

        recent.get("b", (start, AGE), read(2)).await.unwrap();
        done.send(1).unwrap();
        slow.await.unwrap();

        assert_eq!(*recent.get("a", (start, AGE), read(3)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_failed_read_leaves_the_next_one_to_read() {
        let (recent, start) = (Recent::default(), Instant::now());

        let failed = recent.get("a", (start, AGE), ready(Err::<u32, _>("away"))).await;
        let next = recent.get("a", (start, AGE), ready(Ok::<_, &str>(2))).await;

        assert_eq!((failed.unwrap_err(), *next.unwrap()), ("away", 2));
    }
}
