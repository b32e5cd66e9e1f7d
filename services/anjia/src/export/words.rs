//! What services, columns and rules of retention are called to the person concerned, in Chinese and English.

use std::borrow::Cow;

pub(super) fn service(name: &str) -> [&'static str; 2] {
    match name {
        "identity" => ["身份与授权", "Identity and permissions"],
        "scheduling" => ["预约与就诊", "Appointments and visits"],
        "adjudication" => ["医保结算", "Insurance"],
        "payment" => ["费用", "Bills"],
        "referral" => ["转诊", "Referrals"],
        _ => ["其他", "Other"],
    }
}

/// Why something is kept and how long.
pub(super) fn kept(rule: &str) -> [String; 2] {
    let Some(rule) = postgres::retention::rule(rule) else { return [rule.to_owned(), String::new()] };
    [rule.why_zh.clone(), rule.why_en.clone()]
}

/// The name of a column.
pub(super) fn column(name: &str) -> [Cow<'_, str>; 2] {
    let known = COLUMNS.iter().find(|(column, ..)| *column == name);
    match known {
        Some((_, zh, en)) => [Cow::Borrowed(zh), Cow::Borrowed(en)],
        None => [Cow::Owned(name.replace('_', " ")), Cow::Borrowed("")],
    }
}

#[rustfmt::skip]
const COLUMNS: &[(&str, &str, &str)] = &[
    ("name", "姓名／名称", "name"), ("national_id", "身份证号", "ID number"), ("mobile", "手机", "mobile"), ("number", "证件号码", "number"),
    ("community", "街道（社区）", "community"), ("state", "状态", "state"), ("registered_at", "登记时间", "registered"), ("address", "住址", "address"),
    ("birth_date", "出生日期", "born"), ("sex", "性别", "sex"), ("language", "语言", "language"), ("kind", "类别", "kind"),
    ("scheme", "险种", "scheme"), ("layer", "保障层次", "layer"), ("insured_region", "参保地", "insured in"), ("in_force_from", "生效", "in force from"),
    ("in_force_until", "截止", "until"), ("retired", "退休", "retired"), ("student", "学生儿童", "student"), ("recorded_at", "记录时间", "recorded"), ("delegate", "受托人", "delegate"),
    ("basis", "依据", "basis"), ("actions", "可办事项", "may"), ("until", "有效至", "until"), ("evidence", "凭据", "evidence"),
    ("granted_at", "授权时间", "granted"), ("revoked_at", "撤销时间", "revoked"), ("purpose", "目的", "purpose"), ("service", "系统", "service"),
    ("methods", "操作", "methods"), ("issued_at", "签发时间", "issued"), ("expires_at", "到期", "expires"), ("starts_at", "开始", "from"),
    ("ends_at", "结束", "to"), ("channel", "预约途径", "channel"), ("booked_by", "预约人", "booked by"), ("pool", "号源池", "pool"),
    ("held_at", "占号时间", "held"), ("hold_expires_at", "占号到期", "hold ends"), ("confirmed_at", "确认时间", "confirmed"),
    ("cancelled_at", "取消时间", "cancelled"), ("cancelled_by", "取消方", "cancelled by"), ("cancel_reason", "取消原因", "why cancelled"),
    ("expected_lines", "预计项目", "expected items"), ("present", "到场人", "who came"), ("identity_proof", "身份核验", "how proved"),
    ("checked_in_by", "签到人", "checked in by"), ("opened_at", "开始时间", "opened"), ("ended_at", "结束时间", "ended"), ("outcome", "结果", "outcome"),
    ("tier", "级别", "tier"), ("direction", "方向", "direction"), ("urgency", "紧急程度", "urgency"), ("diagnoses", "诊断", "diagnoses"),
    ("code", "编码", "code"), ("icd10_code", "诊断编码", "ICD-10"), ("clinical_summary", "病情摘要", "clinical summary"),
    ("justification", "紧急查看理由", "why it was opened"),
    ("return_reason", "退回原因", "why sent back"), ("return_advice", "退回意见", "advice"), ("payment", "支付方式", "payment"),
    ("own_share_max", "自付上限", "own share at most"), ("submitted_by", "提交人", "submitted by"), ("submitted_at", "提交时间", "submitted"),
    ("valid_until", "有效至", "valid until"), ("deadline", "期限", "deadline"), ("changed_at", "变更时间", "changed"), ("version", "版本", "version"),
    ("on_date", "日期", "on"), ("from_date", "起", "from"), ("until_date", "止", "until"), ("total", "总额（元）", "total, yuan"),
    ("own_share", "个人应付（元）", "own share, yuan"), ("basis_", "依据", "basis"), ("price", "结算结果", "price"), ("quoted_at", "预估时间", "quoted"),
    ("item_code", "项目编码", "item"), ("quantity", "数量", "quantity"), ("unit_price", "单价（元）", "unit price, yuan"), ("amount", "金额（元）", "amount, yuan"),
    ("class", "甲乙丙类", "class"), ("received_at", "收到时间", "received"), ("year", "年度", "year"), ("in_scope", "政策范围内（元）", "in scope, yuan"),
    ("deductible", "起付线（元）", "deductible, yuan"), ("pooled_fund", "统筹基金（元）", "pooled fund, yuan"), ("large_amount_fund", "大额互助（元）", "large-amount fund, yuan"),
    ("stays", "住院次数", "stays"), ("fully_own", "范围外（元）", "out of scope, yuan"), ("first_self_pay", "乙类先行自付（元）", "first self-pay, yuan"),
    ("pooled_own", "统筹自付（元）", "beside pooled fund, yuan"), ("large_amount_own", "大额自付（元）", "beside large amount, yuan"),
    ("critical_illness_fund", "大病保险（元）", "critical illness insurance, yuan"), ("assistance_fund", "医疗救助（元）", "medical assistance, yuan"),
    ("own_in_scope", "合规自付（元）", "own share in scope, yuan"), ("assistance_base", "救助基数（元）", "judged by assistance, yuan"),
    ("top_up_base", "补充保险基数（元）", "judged by top-up, yuan"), ("top_up", "补充保险（元）", "top-up, yuan"), ("voucher", "代金券（元）", "voucher, yuan"),
    ("account", "个人账户（元）", "personal account, yuan"), ("mutual_aid", "家庭共济（元）", "family mutual aid, yuan"), ("balance", "余额（元）", "balance, yuan"),
    ("booking", "记账", "booked as"), ("reference", "凭证", "reference"), ("booked_at", "记账时间", "booked"), ("moved_at", "变动时间", "last moved"),
    ("shared_at", "共享时间", "shared"), ("price_limit_of", "限价类别", "limit of"), ("unit_price_max", "限价（元）", "price limit, yuan"),
    ("beyond_cover", "超出封顶线（元）", "beyond cover, yuan"), ("divided_at", "结算时间", "divided"), ("lapses_at", "失效时间", "lapses"),
    ("limit_amount", "额度（元）", "limit, yuan"), ("used", "已用（元）", "used, yuan"), ("held", "预留（元）", "reserved, yuan"),
    ("payer", "支付方", "payer"), ("line", "行", "line"), ("captured_at", "结清时间", "captured"), ("hash", "指纹", "fingerprint"),
    ("bank_reference", "银行流水", "bank reference"), ("created_at", "创建时间", "created"), ("reported_at", "回报时间", "reported"),
    ("means", "方式", "by"), ("collected_at", "收款时间", "taken"), ("paid_at", "付款时间", "paid"), ("referred_at", "转诊时间", "referred"),
    ("actor", "操作者", "who"), ("subject", "为谁", "for whom"), ("action", "操作", "what"), ("occurred_at", "时间", "when"),
];
