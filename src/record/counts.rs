//! Counts by name: a list of names and numbers, so that readers that infer types see one type.

use std::collections::BTreeMap;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How often something was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct NamedCount {
    /// What was counted.
    pub name: String,
    /// How often.
    pub n: u64,
}

/// Counts by name, in the order of the names. On the wire a list of `{name, n}`; the object of version 0.1, with the
/// names as keys, is read too.
///
/// ```
/// use mx_survey::record::NamedCounts;
///
/// let counts: NamedCounts = serde_json::from_str(r#"{"lines": 20, "connections": 6}"#)?;
/// assert_eq!(counts.get("lines"), Some(20));
/// let written = r#"[{"name":"connections","n":6},{"name":"lines","n":20}]"#;
/// assert_eq!(serde_json::to_string(&counts)?, written);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedCounts(BTreeMap<String, u64>);

impl NamedCounts {
    /// The count of a name; none where it was not counted.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// Counts one more of a name.
    pub fn count(&mut self, name: String) {
        *self.0.entry(name).or_default() += 1;
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<String, u64>> for NamedCounts {
    fn from(counts: BTreeMap<String, u64>) -> Self {
        Self(counts)
    }
}

impl Serialize for NamedCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.0.iter().map(|(name, &n)| NamedCount {
            name: name.clone(),
            n,
        });
        serializer.collect_seq(counts)
    }
}

impl<'de> Deserialize<'de> for NamedCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = NamedCounts;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of names and numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NamedCounts, A::Error> {
        let mut counts = BTreeMap::new();
        while let Some(NamedCount { name, n }) = list.next_element()? {
            counts.insert(name, n);
        }
        Ok(NamedCounts(counts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedCounts, A::Error> {
        let mut counts = BTreeMap::new();
        while let Some((name, n)) = map.next_entry()? {
            counts.insert(name, n);
        }
        Ok(NamedCounts(counts))
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for NamedCounts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NamedCounts".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<NamedCount>::json_schema(generator)
    }
}
