//! What effects are shown by: income, tier, kind of care, age, month, layer of the funds, size of the change.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::AddAssign;

use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use types::care::CareKind;
use types::tier::Tier;

/// A small, closed set of words to group by.
pub(super) trait Axis: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    /// In Chinese and English.
    fn title(self) -> [&'static str; 2];

    fn index(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).unwrap_or_default()
    }
}

macro_rules! axis {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal, $zh:literal, $en:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) enum $name {
            $(#[serde(rename = $word)] $variant,)+
        }

        impl Axis for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            fn title(self) -> [&'static str; 2] {
                match self { $(Self::$variant => [$zh, $en],)+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

axis! {
    /// The five equal groups of households by disposable income per head, as the statistics office forms them (全国居民五等份收入分组).
    Income {
        Low = "LOW", "低收入", "low income";
        LowerMiddle = "LOWER_MIDDLE", "中间偏下", "lower middle";
        Middle = "MIDDLE", "中间", "middle";
        UpperMiddle = "UPPER_MIDDLE", "中间偏上", "upper middle";
        High = "HIGH", "高收入", "high income";
        Unknown = "UNKNOWN", "未注明", "not stated";
    }
}

axis! {
    /// On the last day of care.
    Age {
        Child = "0-17", "0–17岁", "0–17";
        Young = "18-44", "18–44岁", "18–44";
        Middle = "45-59", "45–59岁", "45–59";
        Sixties = "60-69", "60–69岁", "60–69";
        Seventies = "70-79", "70–79岁", "70–79";
        Eighties = "80+", "80岁及以上", "80 and over";
    }
}

impl Age {
    pub(super) const fn of(years: u32) -> Self {
        match years {
            0..=17 => Self::Child,
            18..=44 => Self::Young,
            45..=59 => Self::Middle,
            60..=69 => Self::Sixties,
            70..=79 => Self::Seventies,
            _ => Self::Eighties,
        }
    }
}

axis! {
    /// Of the last day of care.
    Month {
        January = "01", "1月", "Jan";
        February = "02", "2月", "Feb";
        March = "03", "3月", "Mar";
        April = "04", "4月", "Apr";
        May = "05", "5月", "May";
        June = "06", "6月", "Jun";
        July = "07", "7月", "Jul";
        August = "08", "8月", "Aug";
        September = "09", "9月", "Sep";
        October = "10", "10月", "Oct";
        November = "11", "11月", "Nov";
        December = "12", "12月", "Dec";
    }
}

impl Month {
    /// Months count from 0.
    pub(super) fn of(month0: u32) -> Self {
        usize::try_from(month0).ok().and_then(|index| Self::ALL.get(index)).copied().unwrap_or(Self::December)
    }
}

axis! {
    /// By how much a person's own share of all the claims changes.
    Size {
        MuchLess = "-10000", "少付1万元以上", "over ¥10,000 less";
        Less = "-1000", "少付1千至1万元", "¥1,000–10,000 less";
        SomewhatLess = "-100", "少付100至1千元", "¥100–1,000 less";
        SlightlyLess = "-0", "少付不足100元", "under ¥100 less";
        Same = "0", "不变", "the same";
        SlightlyMore = "+0", "多付不足100元", "under ¥100 more";
        SomewhatMore = "+100", "多付100至1千元", "¥100–1,000 more";
        More = "+1000", "多付1千至1万元", "¥1,000–10,000 more";
        MuchMore = "+10000", "多付1万元以上", "over ¥10,000 more";
    }
}

impl Size {
    pub(super) const fn of(change_fen: i128) -> Self {
        match (change_fen < 0, change_fen.unsigned_abs()) {
            (_, 0) => Self::Same,
            (true, 1..10_000) => Self::SlightlyLess,
            (true, 10_000..100_000) => Self::SomewhatLess,
            (true, 100_000..1_000_000) => Self::Less,
            (true, _) => Self::MuchLess,
            (false, 1..10_000) => Self::SlightlyMore,
            (false, 10_000..100_000) => Self::SomewhatMore,
            (false, 100_000..1_000_000) => Self::More,
            (false, _) => Self::MuchMore,
        }
    }
}

axis! {
    /// Which fund pays.
    Layer {
        Pooled = "POOLED_FUND", "统筹基金", "pooled fund";
        LargeAmount = "LARGE_AMOUNT_FUND", "大额医疗费用补助", "large-amount fund";
        CriticalIllness = "CRITICAL_ILLNESS_FUND", "大病保险", "critical illness insurance";
        Assistance = "ASSISTANCE_FUND", "医疗救助", "medical assistance";
    }
}

impl Axis for Tier {
    const ALL: &'static [Self] = Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }

    fn title(self) -> [&'static str; 2] {
        match self {
            Self::Community => ["一级（社区）", "community"],
            Self::District => ["二级", "district"],
            Self::Tertiary => ["三级", "tertiary"],
        }
    }
}

impl Axis for CareKind {
    const ALL: &'static [Self] = Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }

    fn title(self) -> [&'static str; 2] {
        match self {
            Self::Outpatient => ["门诊", "outpatient"],
            Self::Inpatient => ["住院", "inpatient"],
            Self::Emergency => ["急诊", "emergency"],
            Self::Chronic => ["门诊慢特病", "chronic"],
            Self::Pharmacy => ["定点药店", "pharmacy"],
            Self::Teleconsult => ["互联网诊疗", "teleconsult"],
            Self::Exam => ["检查", "exam"],
            Self::Checkup => ["体检", "check-up"],
            Self::Vaccination => ["接种", "vaccination"],
        }
    }
}

/// One value for every word of an axis. Written as an object, without the words nothing happened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows<K, V> {
    rows: Vec<V>,
    axis: PhantomData<K>,
}

impl<K: Axis, V> Rows<K, V> {
    pub(super) fn at(&mut self, key: K) -> &mut V {
        &mut self.rows[key.index()]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        K::ALL.iter().copied().zip(&self.rows)
    }
}

impl<K: Axis, V: Clone + Default> Default for Rows<K, V> {
    fn default() -> Self {
        Self { rows: vec![V::default(); K::ALL.len()], axis: PhantomData }
    }
}

impl<K: Axis, V: AddAssign> AddAssign for Rows<K, V> {
    fn add_assign(&mut self, other: Self) {
        for (row, more) in self.rows.iter_mut().zip(other.rows) {
            *row += more;
        }
    }
}

impl<K: Axis, V: Serialize + Default + PartialEq> Serialize for Rows<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.iter().filter(|(_, value)| **value != V::default()) {
            map.serialize_entry(key.word(), value)?;
        }
        map.end()
    }
}

impl<'de, K: Axis, V: Deserialize<'de> + Clone + Default> Deserialize<'de> for Rows<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rows = Self::default();
        for (word, value) in BTreeMap::<String, V>::deserialize(deserializer)? {
            let key = K::ALL.iter().find(|key| key.word() == word);
            *rows.at(*key.ok_or_else(|| D::Error::custom(format!("{word:?} is no word of this table")))?) = value;
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order<K: Axis>() {
        assert!(K::ALL.iter().enumerate().all(|(index, key)| key.index() == index));
        assert!(K::ALL.iter().all(|key| !key.title()[0].is_empty() && !key.title()[1].is_empty()));
    }

    #[test]
    fn every_word_has_a_place_and_a_title() {
        in_order::<Income>();
        in_order::<Age>();
        in_order::<Month>();
        in_order::<Size>();
        in_order::<Tier>();
        in_order::<CareKind>();
    }

    #[test]
    fn one_fen_is_a_change_and_its_edges_belong_to_the_larger_size() {
        let sizes = [-1, 0, 1, 9_999, 10_000, 999_999, 1_000_000].map(Size::of);
        let expected =
            [Size::SlightlyLess, Size::Same, Size::SlightlyMore, Size::SlightlyMore, Size::SomewhatMore, Size::More];
        assert_eq!((&sizes[..6], sizes[6]), (&expected[..], Size::MuchMore));
    }
}
