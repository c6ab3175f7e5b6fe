-- One database for each service that runs in a process of its own (compose.yaml).
CREATE DATABASE daybook_cart;
CREATE DATABASE daybook_order;
CREATE DATABASE daybook_inventory;
CREATE DATABASE daybook_payment;
