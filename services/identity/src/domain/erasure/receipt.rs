//! What the person is given of their erasure: plain words in both languages, which name nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use types::clock::local_date;

use super::{Erasure, Kept};

/// Why data of one rule is kept, in Chinese and English, and the law.
#[derive(Debug, Clone, Copy)]
pub struct Reason<'a> {
    pub why: [&'a str; 2],
    pub source: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub zh: String,
    pub en: String,
}

/// Says when what was erased, and what is kept, why, by which law and until when. `reason` knows the rules.
pub fn receipt<'a>(
    erasure: &Erasure,
    erased_at: DateTime<Utc>,
    reason: impl Fn(&str) -> Option<Reason<'a>>,
) -> Receipt {
    let day = local_date(erased_at);
    let mut zh = format!(
        "删除申请编号{}。{day}已删除：姓名、证件号码、出生日期、性别、手机、住址、所在社区、需要照顾的情况、资料更改记录、登录方式、\
         未就诊的预约；授权、同意、签约和监护均已终止，登录已失效。保留的记录只带有编号{}，任何人都不能凭它认出您，也不再使用。",
        erasure.id, erasure.resident,
    );
    let mut en = format!(
        "Erasure {}. On {day} were erased: name, document numbers, date of birth, sex, mobile, address, community, what deserves care, \
         what was changed of it, logins, appointments that led to no visit. Delegations, consents, contracts and guardianships have \
         ended, and so has your login. What is kept bears the number {} only, by which nobody can name you, and is not used any more.",
        erasure.id, erasure.resident,
    );
    for (rule, kept) in by_rule(erasure) {
        let Some(Reason { why: [why_zh, why_en], source }) = reason(&rule) else { continue };
        let until = kept.until.map(local_date);
        let until_zh = until.map_or_else(|| "起算日未到".to_owned(), |until| format!("至{until}"));
        let until_en = until.map_or_else(|| "its time has not begun".to_owned(), |until| format!("until {until}"));
        // Cannot fail: it writes into memory.
        let _ = write!(zh, "\n保留{}条：{why_zh}；依据{source}；{until_zh}。", kept.rows);
        let _ = write!(en, "\nKept, {} rows: {why_en}; by {source}; {until_en}.", kept.rows);
    }
    zh.push_str("\n期满即行删除（会计档案经鉴定后销毁）。请保存本编号，可凭编号向平台运营方再次索取本回执。");
    en.push_str(
        "\nWhat has outlived its period is erased (accounting records after an appraisal). Keep this number: the operator of the \
         platform hands out this receipt by it.",
    );
    Receipt { zh, en }
}

/// What all services keep together.
fn by_rule(erasure: &Erasure) -> BTreeMap<String, Kept> {
    let mut all: BTreeMap<String, Kept> = BTreeMap::new();
    for kept in erasure.standings.iter().flat_map(|standing| &standing.kept) {
        match all.get_mut(&kept.rule) {
            Some(known) => {
                known.rows += kept.rows;
                known.until = known.until.zip(kept.until).map(|(one, other)| one.max(other));
            }
            None => {
                all.insert(kept.rule.clone(), kept.clone());
            }
        }
    }
    all
}
