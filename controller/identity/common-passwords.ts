/**
 * Passwords that are tried first, of eight characters and more (shorter ones are refused anyway), in lower case without
 * anything but letters and digits. Data for `password-rules.ts` (NIST SP 800-63B-4 section 3.1.1.2).
 */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
  12345678 123456789 1234567890 12345678910 123123123 1234512345 11111111 111111111 1111111111 00000000 0000000000 22222222
  33333333 44444444 55555555 66666666 77777777 88888888 99999999 87654321 987654321 0987654321 9876543210 12341234
  12344321 11223344 1122334455 112233445566 123321123 147258369 741852963 789456123 159357456 123654789 102030405060
  password password1 password12 password123 password1234 password2024 password2025 password2026 passw0rd passw0rd1 p4ssword
  p4ssw0rd pa55word pa55w0rd mypassword thepassword newpassword passwort passwort1 passwort123 motdepasse contrasena senha123
  wachtwoord kennwort1 qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwertz123 qwertzui qwertzuiop azertyui
  azertyuiop azerty123 asdfghjk asdfghjkl asdfasdf asdf1234 asdfqwer zxcvbnm1 zxcvbnm123 zxcvbnmm 1qaz2wsx 1qaz2wsx3edc
  qazwsxedc qazwsx123 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4 q1w2e3r4t5 zaq12wsx 2wsx3edc poiuytrewq mnbvcxz1
  lkjhgfdsa abcdefgh abcdefghi abcd1234 abc12345 abcd12345 abc123456 a1b2c3d4 a1b2c3d4e5 aabbccdd aaaaaaaa aa123456 aa12345678
  iloveyou iloveyou1 iloveyou2 ilovegod loveyou1 loveme123 lovely123 sunshine sunshine1 princess princess1 superman superman1
  spiderman batman123 starwars starwars1 pokemon1 pokemon123 football football1 baseball baseball1 basketball softball
  volleyball hockey123 soccer123 swimming liverpool liverpool1 arsenal1 chelsea1 barcelona realmadrid juventus manchester
  steelers cowboys1 yankees1 lakers123 jordan23 jordan123 michael1 michelle michelle1 jennifer jessica1 charlie1 samantha
  alexander alexandra christian christopher elizabeth victoria veronica fernando gabriela isabella jonathan nicholas patricia
  patrick1 stephanie danielle caroline matthew1 andrew123 anthony1 daniel123 thomas123 robert123 william1 computer computer1
  internet internet1 samsung1 samsung123 google123 facebook facebook1 microsoft windows10 windows11 linux1234 ubuntu123
  macintosh changeme changeme1 changeme123 changeit default1 default123 letmein1 letmein123 letmeinnow welcome1 welcome12
  welcome123 welcome1234 welcome2024 welcome2025 welcome2026 administrator admin123 admin1234 admin12345 adminadmin
  administrator1 rootroot root1234 toortoor test1234 test12345 testtest testing1 testing123 guest123 guestguest user1234
  username username1 login123 secret123 secretsecret topsecret whatever whatever1 trustno1 trustnoone nothing1 mustang1
  corvette mercedes ferrari1 porsche1 harley123 yamaha123 chocolate butterfly butterfly1 strawberry blueberry raspberry
  cupcake1 cookie123 cheese123 pepper123 ginger123 buster123 shadow12 shadow123 dragon12 dragon123 monkey12 monkey123
  tigger123 maggie123 snoopy123 killer123 hunter12 hunter123 master12 master123 masterkey ninja1234 wizard123 phoenix1
  blink182 metallica nirvana1 slipknot eminem123 rockstar rockyou1 rockyou123 hello123 hello1234 hellohello helloworld
  goodluck goodmorning january1 february september november december summer2024 summer2025 summer2026 winter2024 winter2025
  winter2026 spring2025 spring2026 autumn2025 autumn2026 monday123 friday123 sunday123 birthday happyday freedom1
  freedom123 america1 america123 england1 deutschland germany1 france123 canada123 australia california newyork1 newyork123
  london123 berlin123 paris1234 jesus123 jesuschrist godisgood blessed1 angel123 heaven123 diamond1 diamond123 platinum
  silver123 gold1234 money123 moneymoney business bigdaddy babygirl babygirl1 lovelove sweetheart beautiful handsome
  correcthorsebatterystaple donotenter opensesame swordfish nopassword nopasswd temporary temp1234 temppass temppassword
  example1 example123 sample123 demo1234 demodemo company1 company123 office123 office365 server123 service1 service123
  support1 support123 manager1 manager123 employee employee1 security security1 security123 firewall firewall1 network1
  network123 access123 accessdenied postern1 postern123 posternpostern
  `
    .trim()
    .split(/\s+/),
);
