//! The words of policy documents, in Chinese and English.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use types::money::{Money, Ratio};

/// Keys and words of documents, in Chinese and English. Those that say nothing to readers are empty.
const TERMS: &[(&str, &str, &str)] = &[
    ("outpatient", "门诊", "outpatient care"),
    ("OUTPATIENT", "门诊", "outpatient care"),
    ("inpatient", "住院", "inpatient care"),
    ("INPATIENT", "住院", "inpatient care"),
    ("chronic", "门诊慢特病", "chronic care"),
    ("CHRONIC", "门诊慢特病", "chronic care"),
    ("EMERGENCY", "急诊", "emergency"),
    ("PHARMACY", "定点药店", "pharmacy"),
    ("TELECONSULT", "互联网诊疗", "teleconsult"),
    ("EXAM", "检查", "examination"),
    ("CHECKUP", "体检", "check-up"),
    ("VACCINATION", "预防接种", "vaccination"),
    ("COMMUNITY", "一级（社区）", "community tier"),
    ("DISTRICT", "二级", "district tier"),
    ("TERTIARY", "三级", "tertiary tier"),
    ("kinds", "适用医疗类别", "kinds of care"),
    ("tiers", "适用机构级别", "tiers covered"),
    ("by_tier", "按机构级别", "by tier"),
    ("deductible", "起付线", "deductible"),
    ("per_year", "每年", "per year"),
    ("per_year_by_tier", "每年，按级别", "per year, by tier"),
    ("per_stay", "每次住院", "per stay"),
    ("first", "首次", "first of the year"),
    ("repeat", "再次", "later ones"),
    ("active", "在职（未退休）", "not retired"),
    ("retired", "退休", "retired"),
    ("settlement_cycle_days", "结算周期天数", "days of a settlement cycle"),
    ("waived_at", "免起付线情形", "where the deductible is waived"),
    ("HERE", "在本人定点机构就医", "care at one's own clinic"),
    ("REFERRED_BY", "经本人定点机构转诊", "referred by one's own clinic"),
    ("own_clinic", "本人定点机构", "at one's own clinic"),
    ("age_from", "年龄下限", "age from"),
    ("age_below", "年龄上限（不含）", "age below"),
    ("referral_chain", "转诊起付线", "deductible along referrals"),
    ("up", "上转", "upwards"),
    ("down", "下转", "downwards"),
    ("COUNTS_ON", "连续计算", "counts on"),
    ("NONE_ANEW", "不再另付", "none anew"),
    ("ANEW", "重新计算", "anew"),
    ("bands", "分段", "bands"),
    ("fund_ratio", "基金支付比例", "fund ratio"),
    ("ratio", "比例", "ratio"),
    ("retired_self_factor", "退休人员自付系数", "factor on the own share of the retired"),
    ("unreferred_minus", "未经转诊降低", "taken off without a referral"),
    ("family_doctor_plus", "家庭医生签约提高", "added with a family-doctor contract"),
    ("points", "百分点", "points"),
    ("minus_points", "百分点", "points"),
    ("out_of_area", "异地就医", "care elsewhere"),
    ("by_filing", "按备案类别", "by filing"),
    ("multiply", "按比例折算", "multiplied by"),
    ("RESETTLED_RETIRED", "异地安置退休人员", "resettled retired"),
    ("LONG_TERM_RESIDENT", "异地长期居住", "long-term residents elsewhere"),
    ("TEMPORARY_REFERRAL", "异地转诊", "referred elsewhere"),
    ("UNFILED", "未备案", "not filed"),
    ("unreferred_not_paid", "未经转诊不予支付", "not paid without a referral"),
    ("except_groups", "除外人群", "groups excepted"),
    ("referral_valid_days", "转诊有效天数", "days a referral is good for"),
    ("cover_limit", "保障上限（范围内费用）", "limit of cover"),
    ("pooled_ceiling", "统筹基金年度封顶线", "yearly ceiling of the pooled fund"),
    ("large_amount", "大额医疗费用补助", "large-amount fund"),
    ("ceiling", "封顶线", "ceiling"),
    ("critical_illness", "大病保险", "critical illness insurance"),
    ("everybody", "所有参保人", "everybody"),
    ("assisted", "倾斜人群", "groups favoured"),
    ("threshold", "起付标准", "threshold"),
    ("medical_assistance", "医疗救助", "medical assistance"),
    ("top_up", "商业补充保险", "commercial top-up"),
    ("voucher", "医疗券", "voucher"),
    ("personal_account", "个人账户", "personal account"),
    ("account_credit", "个人账户划入", "credit to the personal account"),
    ("covers", "可支付范围", "what it pays for"),
    ("IN_SCOPE", "范围内个人自付", "own share of in-scope expenses"),
    ("FIRST_SELF_PAY", "先行自付", "first self-pay"),
    ("FULLY_OWN", "全自费", "expenses outside the catalogue"),
    ("of", "划入基数", "share of"),
    ("OWN_BASE", "本人缴费基数", "one's own contribution base"),
    ("CITY_WAGE", "全市职工平均工资", "the city's average wage"),
    ("family_mutual_aid", "家庭共济", "family mutual aid"),
    ("contribution", "缴费", "contribution"),
    ("employer", "单位", "employer"),
    ("employee", "个人", "employee"),
    ("base_floor", "缴费基数下限（倍）", "floor of the base (times)"),
    ("base_cap", "缴费基数上限（倍）", "cap of the base (times)"),
    ("premium", "居民缴费", "premium"),
    ("total", "合计", "total"),
    ("own", "个人", "own part"),
    ("subsidy", "财政补助", "subsidy"),
    ("relief", "资助参保", "relief"),
    ("waiting_months", "待遇等待期（月）", "waiting period in months"),
    ("groups", "人群", "groups"),
    ("LOW_INCOME", "低保对象", "low-income"),
    ("DESTITUTE", "特困人员", "destitute"),
    ("BORDERLINE", "低保边缘家庭", "borderline"),
    ("DISABLED", "残疾人", "disabled"),
    ("MIGRANT", "流动人口", "migrants"),
    ("STUDENT", "学生儿童", "students"),
    ("effective", "执行日期", "days in force"),
    ("from", "起", "from"),
    ("to", "止", "to"),
    ("judged_on", "政策适用日", "day that decides the policy"),
    ("ADMISSION", "入院日", "admission"),
    ("DISCHARGE", "出院日", "discharge"),
    ("rounding", "取整", "rounding"),
    ("rule", "规则", "rule"),
    ("HALF_UP_TO_FEN", "四舍五入到分", "half up, to the fen"),
    ("stated", "另有规定", "also stated"),
    ("format", "格式", "format"),
    ("zh", "中文", "in Chinese"),
    ("en", "英文", "in English"),
    ("sources", "依据文件", "legal sources"),
    ("source", "依据", "legal source"),
    ("id", "编号", "id"),
    ("name", "名称", "name"),
    ("region", "统筹地区", "region"),
    ("scheme", "险种", "scheme"),
    ("EMPLOYEE", "职工医保", "employee scheme"),
    ("RESIDENT", "居民医保", "resident scheme"),
    ("demonstration", "演示", "demonstration"),
    ("value", "", ""),
    ("rows", "", ""),
    ("true", "是", "yes"),
    ("false", "否", "no"),
];

/// In Chinese and English.
pub(super) type Words = [String; 2];

fn words(zh: &str, en: &str) -> Words {
    [zh.to_owned(), en.to_owned()]
}

/// What a key or word of a document is called; one that is not known here is called as it is written.
pub(super) fn term(key: &str) -> Words {
    let known = TERMS.iter().find(|(known, _, _)| *known == key);
    known.map_or_else(|| words(key, key), |(_, zh, en)| words(zh, en))
}

/// Where a fact holds: the terms of its path, one after the other.
pub(super) fn place(path: &[String]) -> Words {
    let parts: Vec<Words> = path
        .iter()
        .map(|part| match part.strip_prefix('[') {
            Some(row) => selected(row.trim_end_matches(']')),
            None => said(part).unwrap_or_else(|| term(part)),
        })
        .filter(|[zh, _]| !zh.is_empty())
        .collect();
    joined(&parts, [" · ", " · "])
}

/// What a row says that nothing but its content tells from the others.
fn said(part: &str) -> Option<Words> {
    let content: BTreeMap<String, String> = serde_json::from_str(part).ok()?;
    Some([content.get("zh")?.clone(), content.get("en")?.clone()])
}

/// For whom a row of a list is.
fn selected(row: &str) -> Words {
    let parts: Vec<Words> = row
        .split(',')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| match (name, value) {
            ("retired", "true") => words("退休", "retired"),
            ("retired", _) => words("在职（未退休）", "not retired"),
            ("age_from", age) => [format!("{age}岁及以上"), format!("aged {age} or more")],
            ("age_below", age) => [format!("不满{age}岁"), format!("under {age}")],
            ("own_clinic", "true") => words("本人定点机构", "at one's own clinic"),
            ("own_clinic", _) => words("其他机构", "elsewhere"),
            ("from", position) => [format!("{position}元以上部分"), format!("above ¥{position}")],
            (_, list) => joined(&list.split('+').map(term).collect::<Vec<_>>(), ["、", ", "]),
        })
        .collect();
    joined(&parts, ["、", ", "])
}

pub(super) fn joined(parts: &[Words], [zh, en]: [&str; 2]) -> Words {
    let of = |language: usize| parts.iter().map(|part| part[language].as_str()).collect::<Vec<_>>();
    [of(0).join(zh), of(1).join(en)]
}

/// A value as people write it: by what the last words of its path say it is.
pub(super) fn value(path: &[String], written: &str) -> Words {
    match written {
        "none" => return words("不设上限", "no limit"),
        "not_published" => return words("未公布", "not published"),
        _ => {}
    }
    let is = |names: &[&str]| path.iter().any(|part| names.contains(&part.as_str()));
    if is(&["points", "minus_points"]) {
        return [format!("{written}个百分点"), format!("{written} points")];
    }
    let is_ratio = is(&["fund_ratio", "ratio", "multiply", "retired_self_factor", "employer", "employee"]);
    if let Some(ratio) = written.parse::<Ratio>().ok().filter(|_| is_ratio) {
        return [ratio.percent(), ratio.percent()];
    }
    let is_amount = written.contains('.') && !is(&["base_floor", "base_cap", "sources", "id", "name"]);
    if let Some(amount) = written.parse::<Money>().ok().filter(|_| is_amount) {
        return [format!("{amount}元"), format!("¥{amount}")];
    }
    if is(&["id", "name", "sources", "source"]) { words(written, written) } else { term(written) }
}

/// What more of something means for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Better,
    Worse,
    Unclear,
}

impl For {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Better => "BETTER",
            Self::Worse => "WORSE",
            Self::Unclear => "UNCLEAR",
        }
    }

    pub(super) const fn words(self) -> [&'static str; 2] {
        match self {
            Self::Better => ["（对个人有利）", " (better for people)"],
            Self::Worse => ["（对个人不利）", " (worse for people)"],
            Self::Unclear => ["", ""],
        }
    }

    const fn turned(self) -> Self {
        match self {
            Self::Better => Self::Worse,
            Self::Worse => Self::Better,
            Self::Unclear => Self::Unclear,
        }
    }
}

/// What it means for people that a number goes from one value to the other.
pub(super) fn effect(path: &[String], old: &str, new: &str) -> For {
    let is = |names: &[&str]| path.iter().any(|part| names.contains(&part.as_str()));
    let more = if is(&["source", "sources", "id", "name", "effective"]) {
        For::Unclear
    } else if is(&[
        "deductible",
        "threshold",
        "unreferred_minus",
        "minus_points",
        "retired_self_factor",
        "waiting_months",
    ]) || is(&["employee", "own"])
    {
        For::Worse
    } else if is(&["fund_ratio", "ratio", "ceiling", "pooled_ceiling", "cover_limit", "family_doctor_plus", "multiply"])
        || is(&["voucher", "account_credit", "subsidy", "referral_valid_days"])
    {
        For::Better
    } else {
        For::Unclear
    };
    match (number(old), number(new)) {
        (Some(old), Some(new)) if old < new => more,
        (Some(old), Some(new)) if new < old => more.turned(),
        _ => For::Unclear,
    }
}

/// No limit is more than any.
fn number(written: &str) -> Option<Decimal> {
    if written == "none" { Some(Decimal::MAX) } else { written.parse().ok() }
}
