# CAKE as the queue of an interface, with its own estimate of the ingress rate.
/interface ethernet
set [ find default-name=ether5 ] name=uplink
/queue type
add cake-autorate-ingress=yes cake-mpu=64 cake-nat=yes cake-overhead=18 cake-rtt=80 kind=cake name=uplink-cake
/queue interface
set uplink queue=uplink-cake
