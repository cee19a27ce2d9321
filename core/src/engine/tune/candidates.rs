//! Which candidates race: single changes first, then what the best of them give together.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::compile::PlanChanges;
use crate::engine::race::Group;
use crate::engine::runtime::{OptimizationLevel, Profile, SessionOptions, Threads};
use crate::tensor::{Dim, Value, ValueInfo, ValueType};

/// How long threads of a session's own spin by default, in microseconds.
const USUAL_SPIN_US: u32 = 1000;
/// A shorter time. Longer ones do not race: back-to-back runs make them look good, and they burn cores between runs.
const SHORT_SPIN_US: u32 = 100;

/// Providers that are no way to compute here: this one calls a service.
const REMOTE_PROVIDERS: [&str; 1] = ["azure"];

/// Optimisers of ONNX Runtime that make some CPUs slower, and the operators without one of which they do nothing.
const DOUBTFUL_OPTIMIZERS: [(&str, &[&str]); 1] =
    [("SkipLayerNormFusion", &["LayerNormalization", "SimplifiedLayerNormalization", "ReduceMean"])];

/// Configuration entries about a session's own threads: whoever sets one has decided.
const OWN_THREADS_CONFIG: &str = "session.intra_op";

/// What a change is about.
const THREADS: Group = 0;
const GRAPH: Group = 1;
const DIMS: Group = 2;
const PROVIDER: Group = 3;

/// What decides which candidates there are.
pub(super) struct Facts<'a> {
    pub(super) base: &'a SessionOptions,
    /// Threads of the process's pool.
    pub(super) core_count: usize,
    pub(super) concurrency: u32,
    /// Whether the runtime can be told how long threads spin.
    pub(super) knows_spin_duration: bool,
    pub(super) op_types: BTreeSet<String>,
    /// Sizes of symbolic dimensions that all samples agree on, if they may be fixed.
    pub(super) dims: BTreeMap<String, usize>,
    /// Short names of the execution providers that there are.
    pub(super) providers: Vec<String>,
}

/// Every single change that could help.
pub(super) fn singles(facts: &Facts<'_>) -> Vec<(Group, PlanChanges)> {
    let of = |group, changes: Vec<PlanChanges>| changes.into_iter().map(move |changes| (group, changes));
    of(THREADS, threads(facts))
        .chain(of(GRAPH, graph(facts)))
        .chain(of(DIMS, dims(facts)))
        .chain(of(PROVIDER, providers(facts)))
        .collect()
}

/// What is tried once the best single change of each group is known: all of them together, and other spinning for
/// threads of the session's own.
pub(super) fn combinations(facts: &Facts<'_>, winners: &[(Group, PlanChanges)]) -> Vec<PlanChanges> {
    let together = |threads: Option<&PlanChanges>| {
        let others = winners.iter().filter(|(group, _)| threads.is_none() || *group != THREADS);
        others.fold(threads.cloned().unwrap_or_default(), |all, (_, changes)| all.and(changes))
    };
    let mut combined = vec![together(None)];
    let own = winners.iter().find(|(group, changes)| *group == THREADS && has_own_threads(changes));
    if let Some((_, own)) = own.filter(|_| !decides_on_spinning(facts.base)) {
        let durations = [0, SHORT_SPIN_US].into_iter().filter(|&us| us == 0 || facts.knows_spin_duration);
        for spin_us in durations.map(Some).filter(|spin| *spin != own.spin_us) {
            combined.push(together(Some(&PlanChanges { spin_us, ..own.clone() })));
        }
    }
    let is_new = |changes: &PlanChanges| !winners.iter().any(|(_, winner)| winner == changes);
    combined.retain(|changes| !changes.is_empty() && is_new(changes));
    combined
}

fn has_own_threads(changes: &PlanChanges) -> bool {
    matches!(changes.threads, Some(Threads::Count(2..)))
}

fn decides_on_spinning(base: &SessionOptions) -> bool {
    base.config.keys().any(|key| key.starts_with(OWN_THREADS_CONFIG))
}

fn threads(facts: &Facts<'_>) -> Vec<PlanChanges> {
    let cores = u32::try_from(facts.core_count).unwrap_or(u32::MAX);
    if cores < 2 {
        return Vec::new();
    }
    let profile = |profile| PlanChanges { profile: Some(profile), ..Default::default() };
    let count = |count| PlanChanges { threads: Some(Threads::Count(count)), ..Default::default() };
    let mut found = vec![match (facts.base.profile, facts.concurrency) {
        (Profile::Throughput, _) => profile(Profile::Latency),
        (_, 2..) => profile(Profile::Throughput),
        _ => count(1),
    }];
    // Threads that spin after a run are not what somebody wants who asks for little energy.
    if facts.base.profile == Profile::Battery {
        return found;
    }
    let powers = (1..u32::BITS).map(|power| 1 << power);
    let fewer: BTreeSet<u32> = powers.chain([cores - 1]).filter(|count| (2..cores).contains(count)).collect();
    found.extend(fewer.into_iter().map(count));
    // The default then has as many threads of its own as there are cores.
    if decides_on_spinning(facts.base) {
        return found;
    }
    // As many as the pool has: only with a word on spinning are they the session's own.
    let usual = facts.knows_spin_duration.then_some(USUAL_SPIN_US);
    let spins = usual.into_iter().chain([0]);
    found.extend(spins.map(|us| PlanChanges { spin_us: Some(us), ..count(cores) }));
    found
}

fn graph(facts: &Facts<'_>) -> Vec<PlanChanges> {
    use OptimizationLevel::{All, Extended, Layout};
    let base = facts.base.optimization_level;
    let lower = match base {
        All => &[Layout, Extended][..],
        Layout => &[Extended],
        _ => &[],
    };
    let level = |&level| PlanChanges { optimization_level: Some(level), ..Default::default() };
    let mut found: Vec<_> = lower.iter().map(level).collect();
    if matches!(base, All | Layout | Extended) {
        let acts = |op_types: &&[&str]| op_types.iter().any(|op_type| facts.op_types.contains(*op_type));
        found.extend(DOUBTFUL_OPTIMIZERS.iter().filter(|(_, op_types)| acts(op_types)).map(|(name, _)| {
            PlanChanges { disabled_optimizers: vec![(*name).to_owned()], ..Default::default() }
        }));
    }
    found
}

fn dims(facts: &Facts<'_>) -> Vec<PlanChanges> {
    let fixed = PlanChanges { dims: facts.dims.clone(), ..Default::default() };
    if fixed.is_empty() { Vec::new() } else { vec![fixed] }
}

fn providers(facts: &Facts<'_>) -> Vec<PlanChanges> {
    let wanted: Vec<String> =
        facts.base.providers.iter().map(|provider| provider.name.to_lowercase()).collect();
    let is_first = |name: &String| {
        wanted.first().map_or(name == "cpu", |first| first.trim_end_matches("executionprovider") == name)
    };
    let races = |name: &&String| !REMOTE_PROVIDERS.contains(&name.as_str()) && !is_first(name);
    let over = |name: &String| PlanChanges { provider: Some(name.clone()), ..Default::default() };
    facts.providers.iter().filter(races).map(over).collect()
}

/// Sizes of the symbolic dimensions on which every sample agrees.
pub(super) fn agreed_dims(inputs: &[ValueInfo], samples: &[Vec<(String, Value)>]) -> BTreeMap<String, usize> {
    let mut sizes: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (name, value) in samples.iter().flatten() {
        let declared = inputs.iter().find(|info| info.name == *name).map(|info| &info.value_type);
        let (Some(ValueType::Tensor { shape, .. }), Ok(tensor)) = (declared, value.as_tensor()) else {
            continue;
        };
        for (dim, &size) in shape.dims().into_iter().flatten().zip(tensor.shape().dims()) {
            if let Dim::Symbol(symbol) = dim {
                sizes.entry(symbol.clone()).or_default().insert(size);
            }
        }
    }
    let agreed = sizes.into_iter().filter(|(symbol, sizes)| !symbol.is_empty() && sizes.len() == 1);
    // Nothing can be fixed to no size.
    agreed
        .filter_map(|(symbol, sizes)| Some((symbol, sizes.into_iter().next().filter(|&size| size > 0)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::runtime::Provider;
    use crate::tensor::{DType, SymbolicShape, Tensor};

    fn facts(base: &SessionOptions, core_count: usize, concurrency: u32) -> Facts<'_> {
        Facts {
            base,
            core_count,
            concurrency,
            knows_spin_duration: true,
            op_types: BTreeSet::new(),
            dims: BTreeMap::new(),
            providers: vec!["cpu".into(), "azure".into(), "xnnpack".into()],
        }
    }

    fn names(facts: &Facts<'_>) -> Vec<String> {
        singles(facts).iter().map(|(_, changes)| changes.to_string()).collect()
    }

    #[test]
    fn single_changes_suit_the_device_and_the_model() {
        let base = SessionOptions::default();
        let own = ["2 own threads that spin for 1000 µs", "2 own threads that do not spin"];
        let rest = ["level layout", "level extended", "provider xnnpack"];
        assert_eq!(names(&facts(&base, 2, 1)), [&["1 thread"][..], &own, &rest].concat());
        assert_eq!(names(&facts(&base, 2, 4))[0], "profile throughput");
        assert_eq!(names(&facts(&base, 1, 1)), rest);
        let many = names(&facts(&base, 12, 1));
        assert_eq!(many[1..5], ["2 own threads", "4 own threads", "8 own threads", "11 own threads"]);
        let op_types = BTreeSet::from(["ReduceMean".to_owned()]);
        let normalised = Facts { op_types, ..facts(&base, 1, 1) };
        assert!(names(&normalised).contains(&"without SkipLayerNormFusion".to_owned()));
    }

    #[test]
    fn what_the_caller_decided_does_not_race() {
        let battery = SessionOptions { profile: Profile::Battery, ..Default::default() };
        assert_eq!(names(&facts(&battery, 4, 1))[..2], ["1 thread", "level layout"]);
        let throughput = SessionOptions { profile: Profile::Throughput, ..Default::default() };
        assert_eq!(names(&facts(&throughput, 4, 4))[0], "profile latency");
        let mut spinning = SessionOptions::default();
        spinning.config.insert("session.intra_op.allow_spinning".into(), "0".into());
        assert_eq!(names(&facts(&spinning, 3, 1))[..3], ["1 thread", "2 own threads", "level layout"]);
        let basic = SessionOptions { optimization_level: OptimizationLevel::Basic, ..Default::default() };
        assert_eq!(names(&facts(&basic, 1, 1)), ["provider xnnpack"]);
        let xnnpack = SessionOptions {
            providers: vec![Provider::new("XnnpackExecutionProvider")],
            ..Default::default()
        };
        assert!(names(&facts(&xnnpack, 1, 1)).ends_with(&["provider cpu".to_owned()]));
    }

    #[test]
    fn the_best_of_each_kind_are_combined() {
        let base = SessionOptions::default();
        let facts = facts(&base, 4, 1);
        let named = |winners: &[(Group, PlanChanges)]| {
            combinations(&facts, winners).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let two = PlanChanges { threads: Some(Threads::Count(2)), ..Default::default() };
        let one = PlanChanges { threads: Some(Threads::Count(1)), ..Default::default() };
        let level =
            PlanChanges { optimization_level: Some(OptimizationLevel::Extended), ..Default::default() };
        assert_eq!(named(&[]), [""; 0]);
        assert_eq!(named(&[(THREADS, one.clone())]), [""; 0]);
        assert_eq!(named(&[(THREADS, one), (GRAPH, level.clone())]), ["1 thread, level extended"]);
        assert_eq!(
            named(&[(THREADS, two), (GRAPH, level)]),
            [
                "2 own threads, level extended",
                "2 own threads that do not spin, level extended",
                "2 own threads that spin for 100 µs, level extended"
            ]
        );
    }

    #[test]
    fn only_sizes_that_all_samples_share_are_agreed() {
        let dims = ["n", "m"].map(|name| Dim::Symbol(name.into())).to_vec();
        let value_type = ValueType::Tensor { dtype: DType::F32, shape: SymbolicShape::new(dims) };
        let inputs = [ValueInfo { name: "x".into(), value_type }];
        let sample =
            |shape: [usize; 2]| vec![("x".to_owned(), Tensor::zeros(DType::F32, shape).unwrap().into())];
        let agreed = agreed_dims(&inputs, &[sample([1, 3]), sample([1, 4])]);
        assert_eq!(agreed, BTreeMap::from([("n".to_owned(), 1)]));
        assert!(agreed_dims(&inputs, &[sample([0, 3]), sample([0, 4])]).is_empty());
    }
}
