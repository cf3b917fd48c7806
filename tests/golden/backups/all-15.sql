--
-- PostgreSQL database cluster dump
--

\restrict 670q4v90t0VvGdga0wSzTizsaFLvnCgDOJ7jb7mBvRNE3bhmMUtPN27B7S0wFqD

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;

--
-- User Configurations
--








\unrestrict 670q4v90t0VvGdga0wSzTizsaFLvnCgDOJ7jb7mBvRNE3bhmMUtPN27B7S0wFqD

--
-- Databases
--

--
-- Database "template1" dump
--

\connect template1

--
-- PostgreSQL database dump
--

\restrict Ks8SJ9W6kQdg3sJmoVUaARgxRjLfcT1kIktlIbOYm1NahZvxA5jGovyO402QH5h

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict Ks8SJ9W6kQdg3sJmoVUaARgxRjLfcT1kIktlIbOYm1NahZvxA5jGovyO402QH5h

--
-- Database "-n'l" dump
--

--
-- PostgreSQL database dump
--

\restrict ikxSRdNXNKRsi6h7kwPGdlC9yeQhvvyHHbEowysAojdiqFnrJaeq9zcOXB0XdQX

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: -n'l; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE "-n'l" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE "-n'l" OWNER TO postgres;

\unrestrict ikxSRdNXNKRsi6h7kwPGdlC9yeQhvvyHHbEowysAojdiqFnrJaeq9zcOXB0XdQX
\encoding SQL_ASCII
\connect -reuse-previous=on "dbname='-n\'l'"
\restrict ikxSRdNXNKRsi6h7kwPGdlC9yeQhvvyHHbEowysAojdiqFnrJaeq9zcOXB0XdQX

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict ikxSRdNXNKRsi6h7kwPGdlC9yeQhvvyHHbEowysAojdiqFnrJaeq9zcOXB0XdQX

--
-- Database "postgres" dump
--

\connect postgres

--
-- PostgreSQL database dump
--

\restrict 2lAdQIA5LBbcR2TpvEpwJxXPbYy0LHSZQNlyCdX9atT2Bb5yWj6joGtPTf10Kh7

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict 2lAdQIA5LBbcR2TpvEpwJxXPbYy0LHSZQNlyCdX9atT2Bb5yWj6joGtPTf10Kh7

--
-- Database "tiny" dump
--

--
-- PostgreSQL database dump
--

\restrict Ll5AhmLCPkTGrD0G65UdQUuOziWDIFTdbnsWIBUw7HreBq7iwZkRQyCYcxi9mQu

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: tiny; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE tiny WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE tiny OWNER TO postgres;

\unrestrict Ll5AhmLCPkTGrD0G65UdQUuOziWDIFTdbnsWIBUw7HreBq7iwZkRQyCYcxi9mQu
\connect tiny
\restrict Ll5AhmLCPkTGrD0G65UdQUuOziWDIFTdbnsWIBUw7HreBq7iwZkRQyCYcxi9mQu

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: item; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.item (
    id integer,
    name text
);


ALTER TABLE public.item OWNER TO postgres;

--
-- Name: 16408; Type: BLOB; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('16408');


ALTER LARGE OBJECT 16408 OWNER TO postgres;

--
-- Data for Name: item; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.item (id, name) FROM stdin;
1	shop
\.


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('16408', 131072);
SELECT pg_catalog.lowrite(0, '\x616263');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- PostgreSQL database dump complete
--

\unrestrict Ll5AhmLCPkTGrD0G65UdQUuOziWDIFTdbnsWIBUw7HreBq7iwZkRQyCYcxi9mQu

--
-- PostgreSQL database cluster dump complete
--

