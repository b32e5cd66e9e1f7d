//! What the resident keeps of a delegation: plain words in both languages, and a hash over them.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use types::care::CareKind;
use types::clock::local_time;
use types::delegation::Limits;
use types::ids::{DelegationId, DelegationReceiptId};

use super::{Action, Basis, Delegation, Signing};

/// The receipt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub id: DelegationReceiptId,
    pub delegation: DelegationId,
    pub text: Text,
    pub issued_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

impl Receipt {
    pub fn issue(id: DelegationReceiptId, delegation: &Delegation, delegate_name: &str, now: DateTime<Utc>) -> Self {
        Self { id, delegation: delegation.id, text: text(delegation, delegate_name), issued_at: now }
    }

    /// As `DelegationReceipt.hash` of the contract says it.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let issued_at_s = self.issued_at.timestamp().to_string();
        let lines: [&str; 5] =
            [&self.id.to_string(), &self.delegation.to_string(), &self.text.zh, &self.text.en, &issued_at_s];
        for line in lines {
            hasher.update(line);
            hasher.update("\n");
        }
        hex::encode(hasher.finalize())
    }
}

/// Says what may be done, by whom, how far, from when until when, how it was signed, and how to take it back.
fn text(delegation: &Delegation, delegate_name: &str) -> Text {
    let actions = delegation.actions.iter().copied().map(action);
    let (zh_actions, en_actions): (Vec<_>, Vec<_>) = actions.unzip();
    let limits = limits(&delegation.limits);
    let (zh_limits, en_limits): (Vec<_>, Vec<_>) = limits.into_iter().unzip();
    let (zh_signed, en_signed) = signed(delegation.basis, delegation.signing);
    let (from, until) = (local_time(delegation.from), local_time(delegation.until));
    let from = from.format("%Y-%m-%d %H:%M");
    let until = until.format("%Y-%m-%d %H:%M");

    let zh = format!(
        "您已授权{delegate_name}代您办理：{}。{}有效期自{from}至{until}（北京时间）。{zh_signed}您可随时在手机应用或任一服务窗口\
         撤销本授权，授权编号{}；撤销后即刻失效，未确认的预约名额同时释放。对方的每一次代办都会记录双方身份。",
        zh_actions.join("、"),
        zh_limits.concat(),
        delegation.id,
    );
    let en = format!(
        "You let {delegate_name} act for you: {}. {}It holds from {from} to {until} (Beijing time). {en_signed} You can take it back at \
         any time, in the app or at any service desk, by its number {}; it then ends at once, and places held but not confirmed are \
         freed. Every act in your name is recorded with both of you.",
        en_actions.join(", "),
        en_limits.concat(),
        delegation.id,
    );
    Text { zh, en }
}

const fn action(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Book => ("预约、改约、取消挂号", "booking and cancelling appointments"),
        Action::Attend => ("代为签到、取药", "checking in and collecting medicine"),
        Action::Refer => ("提交、撤回转诊申请", "submitting and withdrawing referrals"),
        Action::Pay => ("支付医疗费用", "paying for care"),
        Action::View => ("查看预约、转诊和账单", "seeing appointments, referrals and bills"),
    }
}

fn limits(limits: &Limits) -> Vec<(String, String)> {
    let mut said = Vec::new();
    if !limits.care_kinds.is_empty() {
        let (zh, en): (Vec<_>, Vec<_>) = limits.care_kinds.iter().copied().map(care_kind).unzip();
        said.push((format!("仅限：{}。", zh.join("、")), format!("Only for: {}. ", en.join(", "))));
    }
    if !limits.organisations.is_empty() {
        let count = limits.organisations.len();
        said.push((format!("仅限指定的{count}家机构。"), format!("Only with the {count} providers you named. ")));
    }
    if let Some(uses) = limits.uses_max {
        said.push((format!("最多挂号{uses}次。"), format!("At most {uses} bookings. ")));
    }
    if let Some(amount) = limits.amount_max {
        said.push((format!("累计支付不超过{amount}元。"), format!("At most CNY {amount} altogether. ")));
    }
    said
}

const fn care_kind(kind: CareKind) -> (&'static str, &'static str) {
    match kind {
        CareKind::Outpatient => ("门诊", "outpatient visits"),
        CareKind::Inpatient => ("住院", "inpatient stays"),
        CareKind::Emergency => ("急诊", "emergencies"),
        CareKind::Chronic => ("门诊慢病", "chronic care"),
        CareKind::Pharmacy => ("药店购药", "pharmacy"),
        CareKind::Teleconsult => ("远程会诊", "teleconsultations"),
        CareKind::Exam => ("检查检验", "examinations"),
        CareKind::Checkup => ("体检", "check-ups"),
        CareKind::Vaccination => ("接种", "vaccinations"),
    }
}

const fn signed(basis: Basis, signing: Signing) -> (&'static str, &'static str) {
    match (basis, signing) {
        (Basis::Guardian, _) => ("依据：监护关系证明。", "Ground: the guardian's papers."),
        (Basis::Granted, Signing::Desk(_)) => (
            "您在服务窗口出示证件，并由见证人见证签署。",
            "You signed at a desk with your credential, before a witness.",
        ),
        (Basis::Granted, Signing::Own | Signing::Proposed | Signing::Papers) => {
            ("由您本人（或您的监护人）确认。", "You, or your guardian, confirmed it.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, delegation};
    use super::*;

    fn receipt(delegation: &Delegation) -> Receipt {
        Receipt::issue(DelegationReceiptId::generate(), delegation, "李社工", NOW)
    }

    #[test]
    fn id_04_a_receipt_says_in_both_languages_what_who_until_when_and_how_to_take_it_back() {
        let delegation = delegation();
        let text = receipt(&delegation).text;
        let id = delegation.id.to_string();
        for part in ["李社工", "预约", "转诊", "1970-01-02 08:00", "撤销", &id] {
            assert!(text.zh.contains(part), "{part}: {}", text.zh);
        }
        for part in ["李社工", "booking", "referrals", "1970-01-02 08:00", "take it back", &id] {
            assert!(text.en.contains(part), "{part}: {}", text.en);
        }
        assert!(!text.zh.contains("支付") && !text.en.contains("paying"), "what was not granted is not said");
    }

    #[test]
    fn id_04_every_limit_stands_on_the_receipt() {
        let limits = Limits {
            care_kinds: [CareKind::Outpatient, CareKind::Exam].into(),
            organisations: [types::ids::OrganisationId::generate()].into(),
            uses_max: Some(3),
            amount_max: Some("500.00".parse().unwrap()),
        };
        let text = receipt(&Delegation { limits, ..delegation() }).text;
        for part in ["门诊、检查检验", "指定的1家机构", "最多挂号3次", "不超过500.00元"] {
            assert!(text.zh.contains(part), "{part}: {}", text.zh);
        }
        for part in ["outpatient visits, examinations", "1 providers", "At most 3 bookings", "CNY 500.00"] {
            assert!(text.en.contains(part), "{part}: {}", text.en);
        }
    }

    #[test]
    fn id_04_the_hash_holds_every_word() {
        let issued = receipt(&delegation());
        assert_eq!(issued.hash(), issued.clone().hash());
        let other_text = Text { zh: format!("{}。", issued.text.zh), ..issued.text.clone() };
        let others = [
            Receipt { text: other_text, ..issued.clone() },
            Receipt { id: DelegationReceiptId::generate(), ..issued.clone() },
            Receipt { delegation: DelegationId::generate(), ..issued.clone() },
            Receipt { issued_at: NOW + chrono::TimeDelta::seconds(1), ..issued.clone() },
        ];
        for other in others {
            assert_ne!(other.hash(), issued.hash());
        }
    }
}
