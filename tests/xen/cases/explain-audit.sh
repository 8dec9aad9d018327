# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What "2virt policy explain" says and what the audit recorded agree about every
# decision of a run: allowed and refused requests, with rule, file and line.
# timeout: 240

audit=/tmp/audit
mkdir -p /etc/2virt/policy.d
cat > /etc/2virt/policy.d/10-shop.policy << 'EOF'
# a comment moves the lines
web:shop     @any  deny
web:catalog  g     allow methods=GET path=/name
web:*        other allow
EOF
start_web
start_2virtd --audit $audit
create_guest g pvh "usbctrl=['type=pv,version=2,ports=8']"
wait_web g

code() {
  guest_curl g "-o /dev/null -w '%{http_code}' $1"
}
for round in 1 2 3; do
  expect_eq 200 "$(code http://catalog/name)" "an allowed request"
  expect_eq 403 "$(code http://catalog/files/hello.txt)" "a path that is not allowed"
  expect_eq 403 "$(code "-X DELETE http://catalog/name")" "a method that is not allowed"
  expect_eq 403 "$(code http://shop/name)" "a service that is denied"
  expect_eq 403 "$(code http://nowhere/name)" "a service that nobody knows"
done
wait_for 5 grep -q '"service":"web:nowhere"' $audit
sleep 1

# field LINE KEY: a string of a line of JSON.
field() {
  sed -n "s/.*\"$2\": *\"\([^\"]*\)\".*/\1/p" <<< "$1"
}

decisions=0
while read -r line; do
  service=$(field "$line" service)
  result=$(field "$line" result)
  explained=$(2virt --json policy explain g "$service" | tr -d '\n')
  granted=no
  [[ $explained =~ \"granted\":\ *true ]] && granted=yes
  file=$(field "$explained" file)
  number=$(sed -n 's/.*"line": *\([0-9]*\).*/\1/p' <<< "$explained")
  expect_eq "${file:-default}${file:+:$number}" "$(field "$line" rule)" "the rule of $service"
  case $result in
  no-grant) expect_eq no "$granted" "$service ($result)" ;;
  *) expect_eq yes "$granted" "$service ($result)" ;;
  esac
  decisions=$((decisions + 1))
done < <(grep '"event":"request"' $audit)
note "$decisions decisions agree"
[ $decisions -ge 15 ] || fail "only $decisions decisions in the audit"
expect_eq 3 "$(grep -c '"result":"path"' $audit)" "refusals for the path"
expect_eq 3 "$(grep -c '"result":"method"' $audit)" "refusals for the method"
rm -f /etc/2virt/policy.d/10-shop.policy
