//! [`PlanChanges`]: how a candidate differs from the caller's options.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::runtime::{OptimizationLevel, Profile, Provider, SessionOptions, Threads};

/// Says whether threads of a session's own spin after a run.
const ALLOW_SPINNING: &str = "session.intra_op.allow_spinning";
/// Says for how long.
const SPIN_DURATION: &str = "session.intra_op.spin_duration_us";
/// Names of optimisers to leave out, with `;` between them.
const DISABLED_OPTIMIZERS: &str = "optimization.disable_specified_optimizers";

/// How a candidate differs from the caller's options. What is not set stays as it is.
///
/// Stored plans come from files, so this says only what a race can choose, and no other configuration entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PlanChanges {
    /// Threads that compute one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<Threads>,
    /// How long threads of the session's own look for work after a run, in microseconds; 0 for not at all. Makes the
    /// session have threads of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spin_us: Option<u32>,
    /// What matters most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The execution provider that runs what it can, with its default options; the CPU runs the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Sizes for symbolic dimensions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dims: BTreeMap<String, usize>,
    /// How far the graph is rewritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimization_level: Option<OptimizationLevel>,
    /// ONNX Runtime's optimisers that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disabled_optimizers: Vec<String>,
}

impl PlanChanges {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The options with the changes made.
    pub fn apply(&self, base: &SessionOptions) -> SessionOptions {
        let mut options = base.clone();
        options.threads = self.threads.unwrap_or(base.threads);
        options.profile = self.profile.unwrap_or(base.profile);
        options.optimization_level = self.optimization_level.unwrap_or(base.optimization_level);
        options.dims.extend(self.dims.clone());
        if let Some(provider) = &self.provider {
            options.providers = vec![Provider::new(provider)];
        }
        match self.spin_us {
            Some(0) => drop(options.config.insert(ALLOW_SPINNING.into(), "0".into())),
            Some(time) => drop(options.config.insert(SPIN_DURATION.into(), time.to_string())),
            None => {}
        }
        if !self.disabled_optimizers.is_empty() {
            let disabled = options.config.entry(DISABLED_OPTIMIZERS.into()).or_default();
            for name in &self.disabled_optimizers {
                *disabled = if disabled.is_empty() { name.clone() } else { format!("{disabled};{name}") };
            }
        }
        options
    }

    /// These changes and those of `other`, which come second.
    pub(in crate::engine) fn and(&self, other: &Self) -> Self {
        Self {
            threads: other.threads.or(self.threads),
            spin_us: other.spin_us.or(self.spin_us),
            profile: other.profile.or(self.profile),
            provider: other.provider.clone().or_else(|| self.provider.clone()),
            dims: self.dims.iter().chain(&other.dims).map(|(name, &size)| (name.clone(), size)).collect(),
            optimization_level: other.optimization_level.or(self.optimization_level),
            disabled_optimizers: [&self.disabled_optimizers[..], &other.disabled_optimizers[..]].concat(),
        }
    }

    /// Whether a race on a device with this many cores could have chosen this.
    pub(super) fn is_plausible(&self, core_count: usize) -> bool {
        let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let threads = match self.threads {
            Some(Threads::Count(count)) => (1..=core_count).contains(&(count as usize)),
            _ => true,
        };
        let dims = self.dims.iter().all(|(name, &size)| !name.is_empty() && size > 0);
        threads && dims && self.disabled_optimizers.iter().all(is_name)
    }
}

impl fmt::Display for PlanChanges {
    /// In a few words: `2 own threads that do not spin, level extended`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match (self.threads, self.spin_us) {
            (Some(Threads::Count(1)), _) => words.push("1 thread".into()),
            (Some(Threads::Count(count)), None) => words.push(format!("{count} own threads")),
            (Some(Threads::Count(count)), Some(0)) => {
                words.push(format!("{count} own threads that do not spin"));
            }
            (Some(Threads::Count(count)), Some(time)) => {
                words.push(format!("{count} own threads that spin for {time} µs"));
            }
            (Some(Threads::Auto), _) => words.push("threads auto".into()),
            (None, Some(time)) => words.push(format!("own threads that spin for {time} µs")),
            (None, None) => {}
        }
        match self.profile {
            Some(Profile::Latency) => words.push("profile latency".into()),
            Some(Profile::Battery) => words.push("profile battery".into()),
            Some(Profile::Throughput) => words.push("profile throughput".into()),
            None => {}
        }
        words.extend(self.provider.iter().map(|name| format!("provider {name}")));
        words.extend(self.dims.iter().map(|(name, size)| format!("{name}={size}")));
        words.extend(self.optimization_level.map(|level| {
            let level = match level {
                OptimizationLevel::None => "none",
                OptimizationLevel::Basic => "basic",
                OptimizationLevel::Extended => "extended",
                OptimizationLevel::Layout => "layout",
                OptimizationLevel::All => "all",
            };
            format!("level {level}")
        }));
        words.extend(self.disabled_optimizers.iter().map(|name| format!("without {name}")));
        if words.is_empty() { f.write_str("default") } else { f.write_str(&words.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_over_the_callers_options() {
        let mut base = SessionOptions::default();
        base.config.insert(DISABLED_OPTIMIZERS.into(), "GeluFusion".into());
        base.dims.insert("n".into(), 1);
        assert_eq!(PlanChanges::default().apply(&base), base);
        let threads =
            PlanChanges { threads: Some(Threads::Count(2)), spin_us: Some(0), ..Default::default() };
        let graph = PlanChanges {
            dims: BTreeMap::from([("m".into(), 3)]),
            disabled_optimizers: vec!["SkipLayerNormFusion".into()],
            ..Default::default()
        };
        let both = threads.and(&graph);
        assert_eq!(both.to_string(), "2 own threads that do not spin, m=3, without SkipLayerNormFusion");
        let options = both.apply(&base);
        assert_eq!(options.threads, Threads::Count(2));
        assert_eq!(options.config[DISABLED_OPTIMIZERS], "GeluFusion;SkipLayerNormFusion");
        assert_eq!(options.config[ALLOW_SPINNING], "0");
        assert_eq!(options.dims, BTreeMap::from([("m".into(), 3), ("n".into(), 1)]));
    }

    #[test]
    fn what_no_race_chooses_is_not_plausible() {
        let threads = |count| PlanChanges { threads: Some(Threads::Count(count)), ..Default::default() };
        assert!(threads(1).is_plausible(2) && threads(2).is_plausible(2));
        assert!(!threads(0).is_plausible(2) && !threads(3).is_plausible(2));
        let optimizers =
            |name: &str| PlanChanges { disabled_optimizers: vec![name.into()], ..Default::default() };
        assert!(optimizers("A_b1").is_plausible(2) && !optimizers("a;b").is_plausible(2));
        let dim = |name: &str, size| PlanChanges { dims: [(name.into(), size)].into(), ..Default::default() };
        assert!(dim("n", 1).is_plausible(2) && !dim("n", 0).is_plausible(2) && !dim("", 1).is_plausible(2));
        let unknown = r#"{ "config": { "session.x": "1" } }"#;
        assert!(serde_json::from_str::<PlanChanges>(unknown).is_err());
    }
}
