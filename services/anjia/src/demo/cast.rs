//! Who takes part. All of them are made up: numbers are of places that do not exist, names belong to nobody.

use anyhow::Result;
use chrono::NaiveDate;
use devstack::callers;
use proto::anjia::common::v1::{Place, Tier};
use proto::anjia::identity::v1::OrganisationKind;
use types::credit_code::CreditCode;
use types::national_id::NationalId;
use types::region::RegionCode;
use uuid::{Uuid, uuid};

/// A name in both languages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
}

const fn name(zh: &'static str, en: &'static str) -> Name {
    Name { zh, en }
}

/// The patient.
pub(crate) const PATIENT: Name = name("陈秀兰", "Chen Xiulan");
pub(crate) const COMMUNITY: &str = "枫林街道";
pub(crate) const HOME: Place = Place { latitude: 39.930_0, longitude: 116.345_0 };

/// ICD-10 category of the patient's illness, which the hospital can treat.
pub(crate) const CAPABILITY: &str = "I25";
pub(crate) const DIAGNOSIS_CODE: &str = "I25.103";
pub(crate) const DIAGNOSIS: &str = "冠状动脉粥样硬化性心脏病";

pub(crate) const CARDIAC_SURGERY: Uuid = uuid!("01930000-0000-7000-8000-00000000d001");
pub(crate) const GENERAL_PRACTICE: Uuid = uuid!("01930000-0000-7000-8000-00000000d002");

/// A number that is valid and that nobody has.
pub(crate) fn national_id(birth_date: NaiveDate) -> Result<NationalId> {
    // Even: female.
    Ok(NationalId::from_parts(RegionCode::DEMONSTRATION, birth_date, 72)?)
}

/// What a caller of the journey is called.
pub(crate) fn caller(client_id: &str) -> (Name, Name) {
    match client_id {
        "worker" => (name("王敏", "Wang Min"), name("社区工作者", "community worker")),
        "clinic" => (name("李建国", "Li Jianguo"), name("家庭医生", "family doctor")),
        "hospital" => (name("赵文清", "Zhao Wenqing"), name("专科医生", "specialist")),
        "bank" => (name("安民银行", "Anmin Bank"), name("合作银行", "partner bank")),
        "resident" => (PATIENT, name("居民", "resident")),
        "insurer-proposer" => (name("周岚", "Zhou Lan"), name("医保经办", "insurance officer")),
        "insurer-releaser" => (name("孙立", "Sun Li"), name("医保经办", "insurance officer")),
        _ => (name("平台", "Anjia"), name("运营", "operator")),
    }
}

#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) id: Uuid,
    pub(crate) kind: OrganisationKind,
    pub(crate) name: Name,
    /// All but the check character, which is computed.
    credit_code_body: &'static str,
    pub(crate) tier: Tier,
    pub(crate) place: Option<Place>,
    pub(crate) departments: &'static [Department],
}

#[derive(Debug)]
pub(crate) struct Department {
    pub(crate) id: Uuid,
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) capabilities: &'static [&'static str],
}

impl Organisation {
    pub(crate) fn credit_code(&self) -> Result<CreditCode> {
        Ok(CreditCode::with_check_character(self.credit_code_body)?)
    }
}

pub(crate) const CLINIC: Organisation = Organisation {
    id: callers::CLINIC,
    kind: OrganisationKind::Provider,
    name: name("枫林社区卫生服务中心", "Fenglin Community Health Centre"),
    credit_code_body: "1299000000000C001",
    tier: Tier::Community,
    place: Some(Place { latitude: 39.931_2, longitude: 116.340_2 }),
    departments: &[Department {
        id: GENERAL_PRACTICE,
        code: "0200",
        name: "全科医疗科",
        capabilities: &["I10", "E11"],
    }],
};

pub(crate) const HOSPITAL: Organisation = Organisation {
    id: callers::HOSPITAL,
    kind: OrganisationKind::Provider,
    name: name("颐安医院", "Yi'an Hospital"),
    credit_code_body: "1299000000000C002",
    tier: Tier::Tertiary,
    place: Some(Place { latitude: 39.921_1, longitude: 116.364_7 }),
    departments: &[Department {
        id: CARDIAC_SURGERY,
        code: "0403",
        name: "心脏大血管外科",
        capabilities: &["I20", "I21", CAPABILITY],
    }],
};

pub(crate) const BANK: Organisation = Organisation {
    id: callers::BANK,
    kind: OrganisationKind::Bank,
    name: name("安民银行", "Anmin Bank"),
    credit_code_body: "9199000000000C003",
    tier: Tier::Unspecified,
    place: None,
    departments: &[],
};

pub(crate) const INSURER: Organisation = Organisation {
    id: callers::INSURER,
    kind: OrganisationKind::Insurer,
    name: name("医保经办中心（演示）", "Insurance Centre (demonstration)"),
    credit_code_body: "1199000000000C004",
    tier: Tier::Unspecified,
    place: None,
    departments: &[],
};

/// What people call an organisation instead of its id.
pub(crate) fn organisation_name(id: &str) -> Name {
    let known = [&CLINIC, &HOSPITAL, &BANK, &INSURER].into_iter().find(|known| known.id.to_string() == id);
    known.map_or(name("", ""), |known| known.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_are_valid_and_of_no_real_place() {
        for organisation in [&CLINIC, &HOSPITAL, &BANK, &INSURER] {
            assert_eq!(&organisation.credit_code().unwrap().as_str()[2..8], "990000");
        }
        let number = national_id(NaiveDate::from_ymd_opt(1954, 1, 1).unwrap()).unwrap();
        assert!(number.expose().starts_with("990000"));
    }
}
