CALL audited('referrals', sealed => '{diagnoses_sealed,clinical_summary_sealed,return_advice_sealed}', apart => '{key_version}');
