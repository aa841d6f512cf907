package mask

// assignments are the names after which a separator and a value make a secret.
// A name may be the end of a longer one: "password" is found in DB_PASSWORD,
// "access_key" in SharedAccessKey, "token" in X-Vault-Token.
func assignments() []rule {
	of := func(name string, literals ...string) rule {
		return rule{name: name, version: 1, kind: kindAssignment, literals: literals}
	}
	flag := of("assignment", "--password ", "--passwd ", "--passphrase ", "--token ", "--secret ", "--api-key ", "--apikey ",
		"--access-key ", "--secret-key ", "--client-secret ", "--certificate-key ", "--auth-key ", "--authkey ", "--auth-token ",
		"--secret-access-key ", "--docker-password ", "--private-key-passphrase ")
	flag.value, flag.version = true, 2
	quoted := of("assignment", "with password '", "encrypted password '", "identified by '", "requirepass ", "masterauth ", "curl -u ", "sshpass -p ",
		"-passin pass:", "-passout pass:")
	quoted.value = true // the statements and commands that take a password as their next word
	pwd := of("assignment", "pwd", "psk")
	pwd.boundary, pwd.noPath, pwd.version = true, true, 2 // PWD and OLDPWD are in every environment
	shouted := of("assignment", "_PASS", "_PWD", "_AUTHKEY")
	shouted.exact, shouted.noPath = true, true // in lower case, a word: "first_pass"
	keys := of("assignment", "auth_key", "authkey", "auth-key", "encryption_key", "encryptionkey", "encryption-key", "master_key", "masterkey",
		"master-key", "license_key", "licensekey", "license-key", "app_key", "app-key", "appkey", "shared_key", "sharedkey", "preshared_key", "presharedkey",
		"storage_key", "storagekey", "subscription-key", "functions-key", "session_key", "x-jfrog-art-api")
	keys.noPath = true
	session := of("session-cookie", "jsessionid", "phpsessid", "connect.sid", "asp.net_sessionid", "_gitlab_session", "laravel_session", "_session_id")
	field := of("assignment", ";password", "; password", "accountkey", "sharedaccesskey")
	field.field = true
	shortField := of("assignment", ";pwd", "; pwd")
	shortField.field, shortField.noPath = true, true
	header := of("authorization", "authorization")
	header.scheme = true
	return []rule{
		of("aws-secret-access-key", "aws_secret_access_key", "secret_access_key", "secretaccesskey"),
		header,
		field,
		shortField,
		of("assignment", "password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "api-key",
			"access_key", "accesskey", "access-key", "secret_key", "secretkey", "secret-key", "private_key", "privatekey",
			"account_key", "credential", "credentials"),
		keys,
		session,
		shouted,
		pwd,
		flag,
		quoted,
	}
}
