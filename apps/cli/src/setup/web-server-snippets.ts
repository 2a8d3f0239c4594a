/** For the web server that has ports 80 and 443: what passes our names on to apps/http on loopback. */
export function webServerSnippet(
  owner: string | undefined,
  names: readonly string[],
  port: number,
): string {
  const all = {
    nginx: nginx(names, port),
    apache2: apache(names, port),
    caddy: caddy(names, port),
  } as const;
  const key = owner === "httpd" ? "apache2" : owner;
  const [known] = Object.entries(all).filter(([name]) => name === key);
  return known === undefined ? Object.values(all).join("\n") : known[1];
}

const nginx = (
  names: readonly string[],
  port: number,
): string => `# nginx: /etc/nginx/sites-enabled/posthouse
server {
  listen 80;
  listen [::]:80;
  server_name ${names.join(" ")};
  location / { proxy_pass http://127.0.0.1:${port}; proxy_set_header Host $host; }
}
`;

const apache = (
  [first = "", ...more]: readonly string[],
  port: number,
): string => `# Apache: /etc/apache2/sites-enabled/posthouse.conf, with a2enmod proxy proxy_http
<VirtualHost *:80>
  ServerName ${first}
${more.length === 0 ? "" : `  ServerAlias ${more.join(" ")}\n`}  ProxyPreserveHost On
  ProxyPass / http://127.0.0.1:${port}/
</VirtualHost>
`;

const caddy = (names: readonly string[], port: number): string => `# Caddy: in the Caddyfile
${names.map((name) => `http://${name}`).join(", ")} {
  reverse_proxy 127.0.0.1:${port}
}
`;
