//! One measured number, and how it is shown.

use serde_json::{Value, json};

/// What was measured, beside what a program without our part reached in the same run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    /// Empty for a count.
    pub(crate) unit: &'static str,
    pub(crate) limit: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit, limit: None }
    }

    pub(crate) fn against(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.limit.filter(|limit| *limit != 0.0).map(|limit| self.value / limit)
    }

    /// `{"bench":"idle","figure":"round_trips","value":1.0,"unit":"","limit":null,"ratio":null}`
    pub(crate) fn json(&self, bench: &str) -> Value {
        json!({
            "bench": bench, "figure": self.name, "value": rounded(self.value), "unit": self.unit,
            "limit": self.limit.map(rounded), "ratio": self.ratio().map(rounded),
        })
    }

    /// `drain posts_per_s 1234.5 posts/s (limit 2000, ratio 0.617)`
    pub(crate) fn line(&self, bench: &str) -> String {
        let mut line = format!("{bench} {} {}", self.name, rounded(self.value));
        if !self.unit.is_empty() {
            line = format!("{line} {}", self.unit);
        }
        match (self.limit, self.ratio()) {
            (Some(limit), Some(ratio)) => {
                format!("{line} (limit {}, ratio {})", rounded(limit), rounded(ratio))
            }
            _ => line,
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The smallest value that `share` of all do not exceed; 0 of none.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    values.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_a_line_or_an_object() {
        let figure = Figure::new("posts_per_s", 500.0, "posts/s");
        assert_eq!(figure.line("drain"), "drain posts_per_s 500 posts/s");
        assert_eq!(figure.json("drain")["ratio"], Value::Null);
        let figure = figure.against(2000.0);
        assert_eq!(figure.line("drain"), "drain posts_per_s 500 posts/s (limit 2000, ratio 0.25)");
        let expected = json!({"bench": "drain", "figure": "posts_per_s", "value": 500.0, "unit": "posts/s",
            "limit": 2000.0, "ratio": 0.25});
        assert_eq!(figure.json("drain"), expected);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), 50.0);
        assert_eq!(percentile(&mut values, 0.99), 99.0);
        assert_eq!(percentile(&mut values, 1.0), 100.0);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }
}
