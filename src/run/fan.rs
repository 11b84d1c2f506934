//! What a record fans out into: NVD's products, which a classic table takes one by one.

use super::Stop;
use super::attempt::Work;
use crate::logs::{Logs, LogsError};
use crate::part::MAX_ARRAY_BYTES;
use crate::record::{Envelope, Facts};
use crate::source::NVD_CONFIGURATIONS;
use serde_json::{Value, json};
use std::borrow::Cow;
use tracing::warn;

/// What the rows count as, for their `RecordId`.
const IDENTITY: &str = "cve.nvd.configurations";

impl Work<'_> {
    /// Sends what these records of NVD fan out into, where a rule of the workspace takes it. It is made of
    /// the part's rows alone, so that a part that is sent again brings the same rows again, with the same
    /// `RunId` and `RecordId`.
    ///
    /// Rules that were deployed before the stream came don't cost the records themselves.
    pub(super) async fn fan_out(
        &mut self,
        logs: &Logs,
        rows: &[Cow<'_, [u8]>],
    ) -> Result<(), Stop> {
        let stream = NVD_CONFIGURATIONS.stream();
        if !logs.takes(&stream) {
            return Ok(());
        }
        let mut batches = Batches::default();
        for row in rows {
            let lines = self.lines(row);
            for batch in lines.into_iter().filter_map(|line| batches.full_before(line)) {
                self.send_fanned(logs, &stream, batch).await?;
            }
        }
        self.send_fanned(logs, &stream, batches.rest()).await
    }

    async fn send_fanned(
        &mut self,
        logs: &Logs,
        stream: &str,
        batch: Vec<Cow<'static, [u8]>>,
    ) -> Result<(), Stop> {
        match logs.send(stream, &batch, None, &self.patience, &self.meter).await {
            Ok(sent) => {
                self.current.tally.sent_bytes += sent.bytes;
                Ok(())
            }
            Err(refused @ LogsError::Refused { .. }) => {
                warn!("NVD's products aren't sent: {refused}");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The rows of one record.
    fn lines(&self, row: &[u8]) -> Vec<Vec<u8>> {
        let (tenant, current) = (self.tenant, &self.current);
        let names = (self.source.name, IDENTITY);
        let envelope = Envelope::new(&tenant.id, &tenant.name, names, &current.run, current.began);
        let record = serde_json::from_slice(row).unwrap_or_default();
        let line = |(key, fields): (String, Value)| {
            let mut line = Vec::new();
            envelope.write(&fields.to_string(), &[], &Facts::of_key(key), &mut line);
            line
        };
        products(&record).into_iter().map(line).collect()
    }
}

/// The products of a record, each with what tells it from the others.
fn products(record: &Value) -> Vec<(String, Value)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut products = Vec::new();
    for (number, configuration) in (1..).zip(list(&record["configurations"])) {
        for (place, node) in list(&configuration["nodes"]).iter().enumerate() {
            for (index, one) in list(&node["cpeMatch"]).iter().enumerate() {
                let cve = record["id"].as_str().unwrap_or_default();
                let key = format!("{cve}\n{number}\n{place}\n{index}");
                products.push((key, product(cve, number, (&configuration, node, one))));
            }
        }
    }
    products
}

fn product(cve: &str, number: u64, (configuration, node, one): (&Value, &Value, &Value)) -> Value {
    let negate = configuration["negate"].as_bool().map(|negate| negate.to_string());
    json!({
        "cveId": cve,
        "configurationNumber": number,
        "configurationOperator": configuration["operator"],
        "configurationNegate": negate,
        "nodeOperator": node["operator"],
        "nodeNegate": node["negate"],
        "criteria": one["criteria"],
        "matchCriteriaId": one["matchCriteriaId"],
        "vulnerable": one["vulnerable"],
        "versionStartIncluding": one["versionStartIncluding"],
        "versionStartExcluding": one["versionStartExcluding"],
        "versionEndIncluding": one["versionEndIncluding"],
        "versionEndExcluding": one["versionEndExcluding"],
    })
}

/// Rows on their way, in requests that the workspace takes.
#[derive(Default)]
struct Batches {
    open: Vec<Cow<'static, [u8]>>,
    bytes: usize,
}

impl Batches {
    /// Takes a row; gives the rows before it where it has no room among them.
    fn full_before(&mut self, line: Vec<u8>) -> Option<Vec<Cow<'static, [u8]>>> {
        // With its comma; the array has two brackets.
        let bytes = line.len() + 1;
        let is_full = self.bytes + bytes + 1 > MAX_ARRAY_BYTES && !self.open.is_empty();
        let full = is_full.then(|| self.rest());
        self.bytes += bytes;
        self.open.push(line.into());
        full
    }

    fn rest(&mut self) -> Vec<Cow<'static, [u8]>> {
        self.bytes = 0;
        std::mem::take(&mut self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;

    #[test]
    fn a_record_has_a_row_for_each_match_and_each_is_told_from_the_others() {
        let one = json!({ "criteria": "cpe:2.3:a:x", "matchCriteriaId": "A", "vulnerable": true,
            "versionEndExcluding": "4.6.4" });
        let node = json!({ "operator": "OR", "negate": false, "cpeMatch": [one, one] });
        let both = json!({ "operator": "AND", "negate": true, "nodes": [node, node] });
        let record = json!({ "id": "CVE-1", "configurations": [both, { "nodes": [node] }] });

        let products = products(&record);

        let numbers: Vec<_> =
            products.iter().map(|(_, one)| one["configurationNumber"].as_u64()).collect();
        assert_eq!(numbers, [1, 1, 1, 1, 2, 2].map(Some));
        let keys: std::collections::BTreeSet<_> = products.iter().map(|(key, _)| key).collect();
        assert_eq!(keys.len(), 6);
        let (first, last) = (&products[0].1, &products[5].1);
        assert_eq!(
            (&first["configurationNegate"], &first["configurationOperator"]),
            (&json!("true"), &json!("AND"))
        );
        assert_eq!(
            (&first["nodeOperator"], &first["versionEndExcluding"]),
            (&json!("OR"), &json!("4.6.4"))
        );
        assert!(last["configurationNegate"].is_null() && first["versionStartIncluding"].is_null());
        assert!(super::products(&json!({ "id": "CVE-2" })).is_empty());
    }

    #[test]
    fn rows_go_in_requests_of_a_megabyte_at_most() {
        let (mut batches, mut sent) = (Batches::default(), Vec::new());
        for number in 0..5_000 {
            let line = format!("{number:0>700}").into_bytes();
            sent.extend(batches.full_before(line));
        }
        sent.push(batches.rest());

        assert_eq!(sent.iter().map(Vec::len).sum::<usize>(), 5_000);
        assert!(sent.iter().all(|batch| part::array_bytes(batch) <= MAX_ARRAY_BYTES));
        assert!(sent.len() == 4, "as few as may be: {}", sent.len());
    }
}
