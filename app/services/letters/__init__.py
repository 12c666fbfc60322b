"""Letters: templates, merge fields, typesetting, the return code, the address shield and issuing."""
