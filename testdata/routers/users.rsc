# Groups, services, scripts and other settings of a whole export.
/user group
add name=monitor policy="local,read,api,rest-api,!telnet,!ssh,!ftp,!reboot,!write,!policy,!test,!dude,!tikapp" skin=default
/user add name=grafana group=monitor password=p
/ip service
set telnet disabled=yes
set www-ssl address=192.168.30.0/24 certificate=local tls-version=only-1.2
set reverse-proxy disabled=yes
/ip ssh
set strong-crypto=yes
/system identity
set name=attic
/system script
add dont-require-permissions=no name=nightly owner=admin policy=read,write source=":local n 0\r\
    \n:while (\$n < 3) do={ :set n (\$n + 1) }\r\
    \n"
/system scheduler
add interval=1d name=nightly on-event=nightly start-time=03:00:00
/ip firewall filter
add action=fasttrack-connection chain=forward connection-state=established,related hw-offload=yes
