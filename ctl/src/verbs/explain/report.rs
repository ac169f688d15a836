//! The report of `explain`: the fields of its JSON, from which its text is drawn too.
//!
//! Every field is always present. A field that does not apply is `null` or empty. Values of a request
//! are strings: control characters are escaped, bytes that are not UTF-8 appear as `\xff`, and tokens
//! and cookie headers as `(hidden)`.

use serde::Serialize;

/// The decision for one request, how it comes about, and its effects.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The request.
    pub request: Asked,
    /// The pattern that claims the host: `reviews`, `*.example.com` or `*`.
    pub host: Option<String>,
    /// The release that claims the host. Absent: none does, and nothing is decided.
    pub release: Option<String>,
    /// Whether an earlier plugin has decided the request, though a release claims its host.
    pub conflict: bool,
    /// The steps of the release's strategy.
    pub strategy: Option<StrategyReport>,
    /// The session, if the decision or a mirror asked for its number.
    pub session: Option<SessionReport>,
    /// Whether the session takes part in the release. Absent: all sessions do, or no decision asked.
    pub cohort: Option<CohortReport>,
    /// The random number, 0 or more and less than 1, if it decided instead of a session's number.
    pub chance: Option<f64>,
    /// The request header that carries the decision to the routes. It is `:authority` if the release
    /// routes by authority.
    pub set: Option<SetReport>,
    /// The request headers that are removed: routing headers that the client sent.
    pub removed: Vec<HeaderReport>,
    /// The headers that are added to the response.
    pub response: Vec<HeaderReport>,
    /// The mirrors of the release.
    pub mirrors: Vec<MirrorReport>,
    /// What can send the request to the principal in a proxy, and only there: `guard`, `fallback`.
    pub overruled_by: Vec<String>,
    /// The decision.
    pub decision: Option<DecisionReport>,
}

/// The request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// `:authority`.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The seed of the random number.
    pub seed: u64,
}

/// The steps of a strategy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum StrategyReport {
    /// Blue-green.
    #[serde(rename_all = "camelCase")]
    BlueGreen {
        /// The version of all requests that do not match the preview.
        active: String,
        /// The requests that reach the other version.
        preview: Option<RuleReport>,
    },
    /// Canary.
    #[serde(rename_all = "camelCase")]
    Canary {
        /// The version that takes all traffic. No rule is tested then.
        take_over: Option<String>,
        /// The rules, in order.
        rules: Vec<RuleReport>,
        /// The ramp by which the split has its weights. Absent: a rule matched, or there is no ramp.
        ramp: Option<RampReport>,
        /// The split that decides a request that no rule matches. Absent: a rule matched, or there is
        /// no split.
        split: Option<SplitReport>,
        /// The version of all other requests.
        principal: String,
    },
}

/// A rule, or a preview.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleReport {
    /// The rule's name, or `preview`.
    pub name: String,
    /// Whether it matched. Absent: it was not tested.
    pub matched: Option<bool>,
    /// Its matches, up to the first that holds. Empty: it was not tested.
    pub matches: Vec<MatchReport>,
    /// The version of the requests that it matches. Absent: a split decides.
    pub version: Option<String>,
    /// The split, if the rule matched and has one.
    pub split: Option<SplitReport>,
}

/// A match.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchReport {
    /// Whether all conditions hold.
    pub matched: bool,
    /// All conditions.
    pub conditions: Vec<ConditionReport>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionReport {
    /// The condition as a configuration writes it: `headers.end-user exact: jason`.
    pub condition: String,
    /// Whether it holds. Absent: a percentage that was not drawn, because another condition failed.
    pub holds: Option<bool>,
    /// The values that the request has there. Empty: none.
    pub values: Vec<String>,
    /// The draw of a percentage: 0 or more and less than 100. The condition holds if the draw is less
    /// than the percentage.
    pub drawn: Option<f64>,
}

/// A ramp at the time of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RampReport {
    /// The version that grows.
    pub version: String,
    /// The time of the request.
    pub at: String,
    /// The version's percentage at that time, 0 to 100.
    pub percentage: f64,
    /// Whether the ramp is held at this percentage, whatever the time.
    pub held: bool,
}

/// A split: a race between versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SplitReport {
    /// The versions with a weight above 0.
    pub versions: Vec<ArmReport>,
}

/// A version of a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmReport {
    /// Its name.
    pub version: String,
    /// The weight in the configuration.
    pub weight: f64,
    /// Its share of the sum of all weights, 0 to 1.
    pub share: f64,
    /// Its time in the race. The least time wins.
    pub time: f64,
    /// Whether it won.
    pub won: bool,
}

/// The session of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// The keys that are looked for, in order: `header x-user-id`.
    pub looked_for: Vec<String>,
    /// The key that the request carries. Absent: none.
    pub key: Option<String>,
    /// The value of that key.
    pub value: Option<String>,
    /// The id that the response brings to the client.
    pub issued: Option<String>,
    /// The session's number as a fraction, 0 to 1. Absent: the random number decided.
    pub number: Option<f64>,
}

/// The part of a session in a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CohortReport {
    /// The range of the release. Absent: it has none.
    pub exclusive: Option<GroupReport>,
    /// The holdout. Absent: there is none.
    pub holdout: Option<GroupReport>,
}

/// A condition on what a session draws in a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupReport {
    /// The name of the group.
    pub group: String,
    /// The sessions that draw this number or more take part.
    pub from: f64,
    /// They draw less than this number.
    pub to: f64,
    /// What the session draws, 0 or more and less than 100. Absent: the request carries no session.
    pub drawn: Option<f64>,
    /// Whether the session takes part, as far as this condition goes.
    pub takes_part: bool,
}

/// The request header that carries the decision to the routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetReport {
    /// The name, in lower case.
    pub name: String,
    /// Its only value from now on.
    pub value: String,
    /// The values that the client sent under this name. Empty for `:authority`.
    pub replaced: Vec<String>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderReport {
    /// The name, in lower case.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A mirror, and whether it gets a copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorReport {
    /// Its name.
    pub name: String,
    /// The cluster that gets its copies.
    pub cluster: String,
    /// Whether the mirror selects the request.
    pub selected: bool,
    /// The condition on the method.
    pub method: ConditionReport,
    /// Its matches, up to the first that holds. Empty: it has none, or the method is not mirrored.
    pub matches: Vec<MatchReport>,
    /// The percentage, if it is less than 100.
    pub percentage: Option<ConditionReport>,
    /// The reason for which the request is not copied although it is selected, or not selected
    /// although it matches.
    pub hindered: Option<String>,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionReport {
    /// The release.
    pub release: String,
    /// The version.
    pub version: String,
    /// The reason: `rule:testers`.
    pub reason: String,
}
